"""Where the files of a recorded source stand, in a checkout, in the downloads, or the reader's own.

A folder is searched for `data/...` and for the same path without `data/`, in itself and in a
folder of the source's name: so both a checkout of one repository and the folder with all
downloads can be given.
"""

from pathlib import Path
from typing import Literal

from mkdkit.settings import QuestionSettings
from mkdkit.teachers.fetching import DOWNLOADS
from mkdkit.teachers.published import MCC_FOLDERS, MENTOR, MENTORS

Kind = Literal["train", "validation", "test", "teacher", "pool", "mentor"]

# where each published source keeps what; {task}, {folder} and {mentor} are filled in
LAYOUTS: dict[str, dict[str, str]] = {
    "mentor-kd": {
        # not main/: six of its 150 last-letter test answers are wrong, skeleton/ has them right
        "train": "data/skeleton/{task}_train.json",
        "test": "data/skeleton/{task}_test.json",
        "teacher": "data/main/{task}_3_train.json",
        "pool": "data/prompt/{task}_6.json",
        "mentor": "data/aug/{mentor}/{task}_rand3_aug3.json",
    },
    "mcc-kd": {
        "train": "data/{folder}/train.json",
        "validation": "data/{folder}/dev.json",
        "test": "data/{folder}/test.json",
        "teacher": "data/{folder}/train.json",
    },
    "fine-tune-cot": {
        "split": "data/split/{task}__{split}.json",
        "questions": "data/dataset/{task}.json",
        "teacher": "saved/completion_data/B_text-davinci-002__C_zs_cot/D_{task}.json",
    },
    "jsonl": {
        "train": "train.jsonl",
        "validation": "validation.jsonl",
        "test": "test.jsonl",
        "teacher": "rationales.jsonl",
        "mentor": "mentor_rationales.jsonl",
    },
}


class NotHereError(ValueError):
    """A file of a recorded source is not where it was looked for."""


def find(
    settings: QuestionSettings,
    kind: str,
    *,
    mentor: str = MENTOR,
    split: str = "default",
) -> Path:
    """Return the path of one file of a recorded source.

    Args:
        settings: its source, data_dir (None: the project's downloads) and task.
        kind: what is looked for, a key of the source's layout.
        mentor: whose augmentation, as Mentor-KD names it.
        split: of Fine-tune-CoT, "default" or "template".

    Raises:
        NotHereError: the file is not there; the message says where it was looked for and how to
            get it.
        ValueError: the source has no such kind of file.
    """
    layout = LAYOUTS[settings.source]
    if kind not in layout:
        raise ValueError(
            f"source {settings.source!r} has no {kind} file; it has {', '.join(layout)}"
        )
    path = layout[kind].format(
        task=settings.task, folder=_mcc_folder(settings), mentor=mentor, split=split
    )
    tried = [base / path for base in _bases(settings)]
    tried += [base / path.partition("/")[2] for base in _bases(settings) if "/" in path]
    for candidate in tried:
        if candidate.is_file():
            return candidate
    raise NotHereError(
        f"{kind} file of task {settings.task!r} not found: no {tried[0]}; "
        f"{_remedy(settings, kind, mentor)}"
    )


def published_mentor(base: str) -> str:
    """Return the published mentor whose rationales stand in for those of a mentor's base.

    That of the same base, where it is one that the paper has; of any other Flan-T5-large's.
    """
    return MENTORS.get(Path(base).name.lower(), MENTOR)


def exists(settings: QuestionSettings, kind: str, *, mentor: str = MENTOR) -> bool:
    """Say whether a file of a recorded source is there."""
    try:
        return bool(find(settings, kind, mentor=mentor))
    except ValueError:
        return False


def every_file(settings: QuestionSettings) -> list[Path]:
    """Return the files of a recorded source that are there: questions, rationales, one mentor's."""
    single = Path(settings.data_dir) if settings.data_dir else None
    found = [find(settings, kind) for kind in LAYOUTS[settings.source] if exists(settings, kind)]
    return [single, *found] if single and single.is_file() else found


def _bases(settings: QuestionSettings) -> list[Path]:
    folder = Path(settings.data_dir) if settings.data_dir else DOWNLOADS
    if folder.is_file():  # a reader's single file of questions: the others stand beside it
        folder = folder.parent
    return [folder, folder / settings.source]


def _mcc_folder(settings: QuestionSettings) -> str:
    folders = {task: folder for folder, task in MCC_FOLDERS.items()}
    if settings.source == "mcc-kd" and settings.task not in folders:
        known = ", ".join(sorted(folders))
        raise ValueError(f"mcc-kd has the tasks {known}, not {settings.task!r}; choose one of them")
    return folders.get(settings.task, "")


def _remedy(settings: QuestionSettings, kind: str, mentor: str) -> str:
    if settings.source == "jsonl":
        return "data_dir must name a folder with train.jsonl and test.jsonl, or one .jsonl file"
    if settings.source == "fine-tune-cot" and kind != "split":
        archive = "dataset" if kind == "questions" else "teacher_completion_data"
        return (
            f"the repository keeps it in {archive}.tar.gz, linked under 'Data' in its README "
            "(github.com/itsnamgyu/reasoning-teacher): unpack it there"
        )
    every = " --every-mentor" if kind == "mentor" and mentor != MENTOR else ""
    return (
        f"fetch it with `mkdkit fetch {settings.source} --task {settings.task}{every}`, or name a "
        "folder that has it (data_dir)"
    )
