"""The files of a local base: their content is part of a stage's key (a Hub name has none here)."""

from pathlib import Path

from mkdkit.models import loading

# names of a tokenizer's files: of today's, and of older ones in parts
TOKENIZER = ("tokenizer*", "*.model", "vocab.*", "merges.txt", "*_tokens*.json")


def base_files(base: str) -> list[Path]:
    """Return the files of a base: weights, configuration, tokenizer."""
    return [*_files(base, "*.safetensors", "config.json"), *tokenizer_files(base)]


def tokenizer_files(base: str) -> list[Path]:
    """Return the files of a base's tokenizer."""
    return _files(base, *TOKENIZER)


def _files(base: str, *wanted: str) -> list[Path]:
    folder = Path(loading.resolve(base))
    return sorted({path for pattern in wanted for path in folder.glob(pattern)})
