"""What is published where: the manifests of the recorded teachers' repositories.

Each manifest in `manifests/` lists the data files of one repository at one commit, with size, git
blob SHA-1 and, where known, SHA-256. Reading them needs no network.
"""

import hashlib
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from mkdkit import strict_json

MANIFESTS = Path(__file__).with_name("manifests")
# MCC-KD names a folder, not a file, after the task
MCC_FOLDERS = {"ASDiv": "asdiv", "CSQA": "commonsense_qa", "GSM8K": "gsm8k", "SVAMP": "svamp"}
# whose augmentations Mentor-KD publishes: last part of a base's name -> as its folders are named
MENTORS = {"flan-t5-large": "flan-t5_large", "t5-large": "t5_large"}
MENTOR = MENTORS["flan-t5-large"]  # where none is named: the paper's main one
# what the published file names add to a task's name
_ENDING = re.compile(r"(_\d+_train|_rand\d+_aug\d+|_train|_test|_\d+|__\w+)$")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a repository, and what it must be like."""

    path: str  # inside the repository, with "/"
    size: int | None  # bytes; None: not known
    git_blob_sha1: str
    sha256: str | None

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if not parts or parts[0] == "/" or ".." in parts or set("\\:") & set(self.path):
            raise ValueError(f"a manifest's paths must stay in its folder, got {self.path!r}")

    @property
    def task(self) -> str | None:
        """The task the file is for; None: for all of them."""
        path = PurePosixPath(self.path)
        if path.parent.name in MCC_FOLDERS:
            return MCC_FOLDERS[path.parent.name]
        stem, endings = _ENDING.subn("", path.stem)
        return stem if endings else None

    @property
    def mentor(self) -> str | None:
        """The mentor that wrote the file's rationales, as Mentor-KD names it; None: no mentor."""
        parts = PurePosixPath(self.path).parts
        return parts[-2] if "aug" in parts[:-2] else None

    def difference(self, content: bytes) -> str:
        """Say how `content` differs from the published file; "" if it is the same."""
        if self.size is not None and len(content) != self.size:
            return f"it has {len(content):,} bytes, not {self.size:,}"
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
        if blob.hexdigest() != self.git_blob_sha1:
            return f"its git blob SHA-1 is {blob.hexdigest()}, not {self.git_blob_sha1}"
        sha256 = hashlib.sha256(content).hexdigest()
        if self.sha256 is not None and sha256 != self.sha256:
            return f"its SHA-256 is {sha256}, not {self.sha256}"
        return ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The data files of one repository at one commit."""

    repository: str
    commit: str
    licence: str
    paper: str
    files: tuple[PublishedFile, ...]

    def tasks(self) -> list[str]:
        """List the tasks the repository has files for."""
        return sorted({file.task for file in self.files if file.task})


def sources(manifests: Path = MANIFESTS) -> list[str]:
    """List the published sources."""
    return sorted(path.stem for path in manifests.glob("*.json"))


def read_manifest(source: str, manifests: Path = MANIFESTS) -> Manifest:
    """Read the manifest of one published source; a ValueError names the sources there are."""
    require_known("source", source, sources(manifests))
    raw = strict_json.read(manifests / f"{source}.json")
    return Manifest(
        repository=raw["repository"],
        commit=raw["commit"],
        licence=raw["licence"],
        paper=raw["paper"],
        files=tuple(PublishedFile(path, *facts) for path, facts in raw["files"].items()),
    )


def require_known(what: str, name: str, known: list[str]) -> None:
    """Raise a ValueError that names the known ones and the nearest, unless `name` is known."""
    if name in known:
        return
    nearest = get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"{what} {name!r} is unknown; there are {', '.join(known) or 'none'}{hint}")
