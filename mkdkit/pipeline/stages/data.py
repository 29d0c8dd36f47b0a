"""Questions, the teacher's rationales, and which of them are kept."""

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from mkdkit import filters, json_lines, records
from mkdkit.models import encoding, loading
from mkdkit.pipeline.folders import Stage, Work, compute_or_load
from mkdkit.pipeline.stages import renamed_copies
from mkdkit.pipeline.stages.base_files import tokenizer_files
from mkdkit.pipeline.stages.written import keep_rationales, keep_some, read_written
from mkdkit.records import Question, Rationale, Splits
from mkdkit.sequences import Chosen
from mkdkit.settings import FilterSettings, QuestionSettings, Recipe
from mkdkit.tasks import catalogue, procedural
from mkdkit.teachers import places, recorded, scripted

SPLITS = ("train", "validation", "test")


def questions(recipe: Recipe, *, fresh: bool = False) -> Stage:
    """Return the stage with the questions: train, validation, test.

    Raises:
        ValueError: copies of rule-made questions are asked for, of which there can be more instead.
    """
    asked = recipe.questions
    if asked.source == "rule-made" and asked.renamed_copies:
        raise ValueError(
            f"renamed_copies are copies of recorded questions, got {asked.renamed_copies} of "
            "rule-made ones; leave it at 0 and raise questions.train, which makes new ones"
        )
    files = [] if asked.source == "rule-made" else _question_files(asked)
    settings = asdict(asked)
    if asked.source != "hub":  # what the files hold counts, not where they lie
        settings["data_dir"] = [path.name for path in files]
    return compute_or_load(
        "questions", _questions, asked, settings=settings, files=files, fresh=fresh
    )


def with_new_questions(recipe: Recipe) -> Recipe:
    """Return the recipe with twice the training questions: its own first, then as many new ones.

    Raises:
        ValueError: the questions are recorded ones, or all there are.
    """
    asked = recipe.questions
    if asked.source != "rule-made" or asked.train is None:
        raise ValueError(
            f"new questions can be had where they are made by rule, not from {asked.source!r}; "
            "leave out the arms that learn from new ones"
        )
    return replace(recipe, questions=replace(asked, train=2 * asked.train))


def require_scripted(asked: QuestionSettings) -> None:
    """Refuse a teacher that cannot be asked: one that was recorded, for questions besides its own.

    Raises:
        ValueError: the questions are not rule-made.
    """
    if asked.source != "rule-made":
        raise ValueError(
            "the arm 'teacher' can be scored for rule-made questions only: a recorded teacher "
            "cannot be asked the test questions"
        )


def _questions(work: Work, asked: QuestionSettings) -> None:
    if asked.source == "rule-made":
        made = procedural.each_split(asked)
    else:
        splits = recorded.read_recorded_questions(asked)
        if copies := asked.renamed_copies:
            written = recorded.each_rationale_for(asked, splits.train)
            train = renamed_copies.add_copies(splits.train, written, work.folder, copies=copies)
            splits = replace(splits, train=train)
        made = ((name, iter(getattr(splits, name))) for name in SPLITS)
    for name, found in made:
        work.counts[name] = records.write_questions(work.folder / f"{name}.jsonl", found)


def _question_files(asked: QuestionSettings) -> list[Path]:
    """Return the files that recorded questions come from; a set of the Hub has none here."""
    if asked.source == "hub":
        return []
    if asked.data_dir and Path(asked.data_dir).is_file():
        return [Path(asked.data_dir)]
    # which kinds there are depends on the source; copies are named beside the teacher's words
    every = ("train", "validation", "test", "questions", "split", "teacher")
    wanted = every if asked.renamed_copies else every[:-1]
    return [places.find(asked, kind) for kind in wanted if places.exists(asked, kind)]


def read_splits(stage: Stage) -> Splits:
    """Return the questions of a `questions` stage."""
    return Splits(*(records.read_questions(stage.folder / f"{name}.jsonl") for name in SPLITS))


def teacher_rationales(recipe: Recipe, *, fresh: bool = False) -> Stage:
    """Return the stage with all that the teacher wrote for the training questions, unfiltered."""
    asked, kind = questions(recipe), _recorded_kind(recipe)
    on_hub = recipe.questions.source == "hub"
    files = [places.find(recipe.questions, kind)] if kind and not on_hub else []
    return compute_or_load(
        "teacher",
        _teacher_rationales,
        recipe,
        asked,
        settings={"source": recipe.questions.source, **asdict(recipe.teacher)},
        inputs=[asked],
        files=files,
        fresh=fresh,
    )


def _teacher_rationales(work: Work, recipe: Recipe, asked: Stage) -> None:
    train, task = read_splits(asked).train, catalogue.find(recipe.questions.task)
    if recipe.questions.source == "rule-made":
        settings = recipe.teacher
        each = (scripted.write_rationales([one], task=task, settings=settings) for one in train)
        keep_rationales(work, "written.jsonl", itertools.chain.from_iterable(each))
        return
    every = recorded.each_rationale_for(
        recipe.questions,
        train,
        kind=_recorded_kind(recipe) or "teacher",
        trust_flags=recipe.teacher.trust_flags,
    )
    every = renamed_copies.with_renamed(every, asked.folder)
    # by the teacher's seed: of the two, it is in this stage's key
    keep_some(work, every, train, recipe.teacher.rationales_per_question, recipe.teacher.seed)


def _recorded_kind(recipe: Recipe) -> places.Kind | None:
    """Which recorded file holds as many rationales a question as are asked for."""
    if recipe.questions.source == "rule-made":
        return None
    # Mentor-KD's main files hold three of the up to six of its pools
    wanted = recipe.teacher.rationales_per_question
    return "pool" if recipe.questions.source == "mentor-kd" and wanted > 3 else "teacher"


def teacher_set(recipe: Recipe, *, fresh: bool = False) -> Stage:
    """Return the stage with the teacher's rationales, each kept or dropped for a reason."""
    written = teacher_rationales(recipe)
    return filtered("teacher-set", recipe, recipe.teacher_filter, written, fresh)


def size_matched_set(recipe: Recipe) -> Stage:
    """Return the stage with as many of the teacher's kept rationales as a process check keeps.

    Drawn at random: what is left of the check's gain beside it is not that there are fewer.
    """
    rules = replace(recipe.teacher_filter, check_reasoning=True)
    every, checked = teacher_set(recipe), teacher_set(replace(recipe, teacher_filter=rules))
    return compute_or_load(
        "size-matched-set",
        _match_size,
        every,
        checked,
        recipe.seed,
        settings={"seed": recipe.seed},
        inputs=[every, checked],
    )


def _match_size(work: Work, every: Stage, checked: Stage, seed: int) -> None:
    kept, n = read_kept(every), len(read_kept(checked))
    places = random.Random(f"size matched {seed}").sample(range(len(kept)), n)
    keep_rationales(work, "kept.jsonl", Chosen(kept, sorted(places)))


def filtered(
    name: str, recipe: Recipe, settings: FilterSettings, written: Stage, fresh: bool
) -> Stage:
    """Return the stage that splits written rationales into kept and dropped."""
    asked = questions(recipe)
    return compute_or_load(
        name,
        _filter,
        recipe,
        settings,
        asked,
        written,
        settings=filter_key(recipe, settings),
        inputs=[asked, written],
        files=tokenizer_files(recipe.student_base),
        fresh=fresh,
    )


def filter_key(recipe: Recipe, settings: FilterSettings) -> dict[str, Any]:
    """Return the settings that a filter's result depends on, beside `tokenizer_files`."""
    base = recipe.student_base
    return {
        **asdict(settings),
        "template": recipe.student.template,
        # by content, where it can be: students of two sizes share a teacher's set and a mentor
        "read_by": loading.family_of_base(base) if tokenizer_files(base) else base,
        "task": asdict(catalogue.find(recipe.questions.task)),
    }


def _filter(
    work: Work, recipe: Recipe, settings: FilterSettings, asked: Stage, written: Stage
) -> None:
    keep_filtered(work, recipe, settings, read_splits(asked).train, read_written(written))


def keep_filtered(
    work: Work,
    recipe: Recipe,
    settings: FilterSettings,
    train: Sequence[Question],
    written: Iterable[Rationale],
    first: Mapping[str, filters.Rule] | None = None,
) -> None:
    """Split rationales into kept and dropped as the student's base can read them; write both."""
    tokenizer = loading.load_tokenizer(recipe.student_base)
    family = loading.family_of_base(recipe.student_base)
    judged = filters.judge(
        written,
        questions=train,
        task=catalogue.find(recipe.questions.task),
        settings=settings,
        count_tokens=encoding.counter(tokenizer, family, recipe.student.template),
        can_encode=encoding.can_encode(tokenizer),
        first=first,
    )
    outcomes = dict.fromkeys(("kept", *filters.reasons(first)), 0)
    with json_lines.writing(work.folder / "dropped.jsonl") as drop:

        def kept() -> Iterator[Rationale]:
            for one, why in judged:
                outcomes[why or "kept"] += 1
                if why is None:
                    yield one
                else:
                    drop({**asdict(one), "reason": why})

        keep_rationales(work, "kept.jsonl", kept())
    work.counts["outcomes"] = outcomes


def read_filtered(stage: Stage) -> filters.Filtered:
    """Return what a `teacher-set` or `mentor-set` stage kept, and dropped for which reason."""
    dropped: dict[str, list[Rationale]] = {
        why: [] for why in stage.done["counts"]["outcomes"] if why != "kept"
    }
    for _, row in json_lines.read(stage.folder / "dropped.jsonl"):
        dropped[row.pop("reason")].append(Rationale(**row))
    return filters.Filtered(read_kept(stage), dropped)


def read_kept(stage: Stage) -> Sequence[Rationale]:
    """Return the kept rationales of a `teacher-set` or `mentor-set` stage."""
    return records.read_rationales(stage.folder / "kept.jsonl")
