"""The arms of a comparison: what each method learns from, under the name that tables show."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mkdkit.settings import Divergence

Completions = Literal["answers", "teacher", "teacher and mentor"]
NewQuestions = Literal["labelled", "unlabelled"]
Filtering = Literal["none", "process", "size-matched"]
Mistake = Literal["padding learnt", "other rows' labels"]  # of published code: training.mistakes
DEFAULT = ("base", "answer_only", "fine_tune_cot", "mentor_kd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One method: who is scored, and what it learnt from."""

    name: str
    what: str  # in a sentence's words, for tables
    role: Literal["student", "mentor", "teacher"] = "student"
    completions: Completions | None = None  # None: nothing is learnt
    soft_labels: bool = False
    per_question: int | None = None  # teacher rationales per question, if not the recipe's
    filtering: Filtering | None = None  # of the teacher's rationales, if not the recipe's
    equal_steps: bool = False  # as many optimiser steps as mentor_kd takes
    self_mentor: bool = False  # the mentor starts from the student's own base
    new_questions: NewQuestions | None = None  # the mentor also answers what the teacher never saw
    consistent: bool = False  # learns from pairs of rationales, with MCC-KD's loss
    divergence: Divergence | None = None  # of the soft-label loss, if not the recipe's
    by_vote: bool = False  # what most of several sampled completions say is scored
    mistake: Mistake | None = None  # made on purpose, to see what it costs
    prompted: Literal["fine-tuned", "zero-shot", "zero-shot-cot", "few-shot-cot"] = "fine-tuned"


_BOTH: Completions = "teacher and mentor"

ARMS: dict[str, Arm] = {
    arm.name: arm
    for arm in (
        Arm(name="teacher", what="the teacher itself", role="teacher"),
        Arm(name="mentor", what="the mentor itself", role="mentor", completions="teacher"),
        Arm(name="base", what="the student's base, untrained, asked as the others are"),
        Arm(name="base_zero_shot", what="the base, asked for the answer", prompted="zero-shot"),
        Arm(
            name="base_zero_shot_cot",
            what="the base, asked to think step by step",
            prompted="zero-shot-cot",
        ),
        Arm(
            name="base_few_shot_cot",
            what="the base, shown solved questions first",
            prompted="few-shot-cot",
        ),
        Arm(name="answer_only", what="fine-tuned on answers alone", completions="answers"),
        Arm(
            name="fine_tune_cot",
            what="fine-tuned on the teacher's rationales (Vanilla-KD)",
            completions="teacher",
        ),
        Arm(
            name="fine_tune_cot_1",
            what="Fine-tune-CoT with one rationale a question",
            completions="teacher",
            per_question=1,
        ),
        Arm(
            name="fine_tune_cot_6",
            what="Fine-tune-CoT with six rationales a question",
            completions="teacher",
            per_question=6,
        ),
        Arm(
            name="fine_tune_cot_6_equal_steps",
            what="Fine-tune-CoT with six rationales a question, with as many steps as Mentor-KD",
            completions="teacher",
            per_question=6,
            equal_steps=True,
        ),
        Arm(
            name="fine_tune_cot_unfiltered",
            what="Fine-tune-CoT on all rationales, wrong ones with their wrong answers",
            completions="teacher",
            filtering="none",
        ),
        Arm(
            name="fine_tune_cot_checked",
            what="Fine-tune-CoT on right answers without a slip in their reasoning",
            completions="teacher",
            filtering="process",
        ),
        Arm(
            name="fine_tune_cot_size_matched",
            what="Fine-tune-CoT on as many right answers as have no slip, drawn at random",
            completions="teacher",
            filtering="size-matched",
        ),
        Arm(
            name="fine_tune_cot_equal_steps",
            what="Fine-tune-CoT with as many steps as Mentor-KD",
            completions="teacher",
            equal_steps=True,
        ),
        Arm(
            name="mcc_kd",
            what="MCC-KD on six rationales a question, with as many steps as Mentor-KD",
            completions="teacher",
            per_question=6,  # it learns from pairs of them, whatever the recipe has
            equal_steps=True,
            consistent=True,
        ),
        Arm(
            name="mentor_kd",
            what="teacher's and mentor's rationales, and the mentor's soft labels",
            completions=_BOTH,
            soft_labels=True,
        ),
        Arm(
            name="mentor_kd_no_rationales",
            what="Mentor-KD without the mentor's rationales",
            completions="teacher",
            soft_labels=True,
        ),
        Arm(
            name="mentor_kd_no_soft_labels",
            what="Mentor-KD without soft labels (the true λ = 0)",
            completions=_BOTH,
        ),
        Arm(
            name="self_mentor",
            what="Mentor-KD with a mentor of the student's own size",
            completions=_BOTH,
            soft_labels=True,
            self_mentor=True,
        ),
        Arm(
            name="mentor_kd_new_questions",
            what="Mentor-KD, in as many steps, the mentor answering new questions too",
            completions=_BOTH,
            soft_labels=True,
            equal_steps=True,
            new_questions="labelled",
        ),
        Arm(
            name="mentor_kd_unlabelled",
            what="Mentor-KD, in as many steps, with new questions that the mentor's vote answers",
            completions=_BOTH,
            soft_labels=True,
            equal_steps=True,
            new_questions="unlabelled",
        ),
        Arm(
            name="mentor_kd_reverse_kl",
            what="Mentor-KD with the divergence from student to mentor in the soft-label loss",
            completions=_BOTH,
            soft_labels=True,
            divergence="reverse",
        ),
        Arm(
            name="mentor_kd_jensen_shannon",
            what="Mentor-KD with the Jensen-Shannon divergence in the soft-label loss",
            completions=_BOTH,
            soft_labels=True,
            divergence="jensen-shannon",
        ),
        Arm(
            name="mentor_kd_padding_learnt",
            what="Mentor-KD with padding among the soft labels: a published mistake, on purpose",
            completions=_BOTH,
            soft_labels=True,
            mistake="padding learnt",
        ),
        Arm(
            name="mentor_kd_other_labels",
            what="Mentor-KD with soft labels of other rows: a published mistake, on purpose",
            completions=_BOTH,
            soft_labels=True,
            mistake="other rows' labels",
        ),
        Arm(
            name="mentor_vote",
            what="the mentor, by the answer that most of its sampled completions give",
            role="mentor",
            completions="teacher",
            by_vote=True,
        ),
        Arm(
            name="mentor_kd_vote",
            what="Mentor-KD's student, by the answer that most of its sampled completions give",
            completions=_BOTH,
            soft_labels=True,
            by_vote=True,
        ),
    )
}


def find(name: str) -> Arm:
    """Return the arm of this name.

    Raises:
        ValueError: nobody knows it; the message lists the names and the nearest one.
    """
    if name in ARMS:
        return ARMS[name]
    near = difflib.get_close_matches(name, ARMS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"arm {name!r} is unknown; the arms are {', '.join(ARMS)}{hint}")


def require(names: Collection[str]) -> None:
    """Refuse a run of no arm, or of one that is unknown.

    Raises:
        ValueError: it is such a run.
    """
    if not names:
        raise ValueError(f"no arm is named; the arms are {', '.join(ARMS)}")
    for name in names:
        find(name)
