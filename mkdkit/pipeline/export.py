"""A trained model leaves the kit: a folder that transformers alone can load, with its card."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mkdkit.models import encoding, loading, merging
from mkdkit.pipeline import licences, model_card, stages
from mkdkit.pipeline.finished import Finished
from mkdkit.pipeline.model_card import TableOf
from mkdkit.pipeline.stages.fine_tuning import MODEL

COMPARED = 16  # test questions on which a merged model is compared with what was scored


def write(run: Finished, folder: Path, *, table: TableOf) -> None:
    """Write a trained model, its tokenizer, how it is to write, and its card into a folder.

    The folder appears when it is whole. Weights are copied as they were saved; an adapter is merged
    into its base, and what that changes is measured and said in the card.

    Args:
        run: what was trained and scored.
        folder: where to; it must not be there, or be empty.
        table: rows -> a table in Markdown, for the card.

    Raises:
        ValueError: there is something in the folder already.
    """
    with _whole(folder) as partial:
        saved = run.trained.folder / MODEL
        change = None
        if (saved / loading.ADAPTER).is_file():
            change = _write_merged(run, saved, partial)
        else:
            shutil.copytree(saved, partial, dirs_exist_ok=True)
        _write_generation(partial, run.recipe.scoring.max_new_tokens)
        text = model_card.card(run, partial, change, table=table)
        (partial / "README.md").write_text(text, encoding="utf-8")
        if not licences.is_own(run):  # the card's header points there
            (partial / "LICENSE.md").write_text(licences.page(run), encoding="utf-8")


@contextlib.contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` in the end; after an error it goes."""
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already and is not empty; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)  # a temporary folder is its owner's alone
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write_merged(run: Finished, saved: Path, folder: Path) -> merging.Change:
    merged, tokenizer = merging.merge(saved), loading.load_tokenizer(str(saved))
    with loading.quiet():
        merged.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    before, _ = stages.load_model(run.trained)
    answered = stages.read_answers(run.scores[run.arm.name])[:COMPARED]
    texts = {one.id: one.text for one in stages.read_splits(run.tested).test}
    family = encoding.family_of(before)
    rows = [
        encoding.encode_row(tokenizer, texts[one.question_id], one.completion, family)
        for one in answered
    ]
    batch = encoding.collate(rows, fill=encoding.fill_token(tokenizer), model=before)
    return merging.compare(before, merged, batch)


def _write_generation(folder: Path, max_new_tokens: int) -> None:
    """Say how the model is to write: greedily, to its end mark, as it did when it was scored."""
    from transformers import AutoConfig, GenerationConfig

    tokenizer, config = loading.load_tokenizer(str(folder)), AutoConfig.from_pretrained(folder)
    start = {}
    if config.is_encoder_decoder:
        start = {"decoder_start_token_id": config.decoder_start_token_id}
    GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=encoding.end_token(tokenizer),
        pad_token_id=encoding.fill_token(tokenizer),
        **start,
    ).save_pretrained(folder)
