"""What a set of rationales is like: how right, how long, how various, how new. Only numbers."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import combinations
from typing import Any

from mkdkit.evaluation.statistics import wilson_interval
from mkdkit.records import Question, Rationale
from mkdkit.tasks import checks
from mkdkit.tasks.catalogue import Task

BIN = 10  # words, the width of a histogram's bars; the last bar holds all longer ones
BINS = 30


def describe(
    rationales: Sequence[Rationale], *, questions: Collection[Question], task: Task
) -> dict[str, Any]:
    """Count one set of rationales: how many, how right, how long, how various.

    Shares and accuracies are percentages. `slips_in_right` is the share of right rationales in
    which the task's process check finds a slip.
    """
    if not rationales:
        raise ValueError("there are no rationales to describe; read or write some first")
    by_id = {question.id: question for question in questions}
    right = [rationale for rationale in rationales if rationale.is_correct]
    wrong = [rationale for rationale in rationales if not rationale.is_correct]
    per_question = Counter(rationale.question_id for rationale in rationales)
    distinct = {(rationale.question_id, _words(rationale.text)) for rationale in rationales}
    facts = {
        "rows": len(rationales),
        "questions": len(per_question),
        "known_questions": len(questions),
        "questions_by_rationales": dict(sorted(Counter(per_question.values()).items())),
        "correct": len(right),
        "accuracy": percent(len(right), len(rationales)),
        "interval": interval(len(right), len(rationales)),
        "no_answer": sum(rationale.prediction is None for rationale in rationales),
        "covered_questions": len({rationale.question_id for rationale in right}),
        "duplicates": len(rationales) - len(distinct),
        "word_overlap": word_overlap(rationales),
        "with_newline": sum("\n" in rationale.text for rationale in rationales),
        "words": _lengths(rationales),
        "mean_words_right": _mean_words(right),
        "mean_words_wrong": _mean_words(wrong),
    }
    if task.check is not None:
        for name, group in (("right", right), ("wrong", wrong)):
            slips = sum(
                bool(checks.find_slips(by_id[rationale.question_id], rationale.text, task))
                for rationale in group
            )
            facts[f"slips_in_{name}"] = percent(slips, len(group))
    return facts


def compare_with_teacher(
    mentor: Sequence[Rationale], teacher: Sequence[Rationale]
) -> dict[str, Any]:
    """Count what a mentor's rationales add to those of its teacher.

    A question is seen if the teacher's file has it: the mentor was trained on that. A copy has
    the words of one of the teacher's rationales for its question (spaces apart).
    """
    seen = {rationale.question_id for rationale in teacher}
    written = {(rationale.question_id, _words(rationale.text)) for rationale in teacher}
    right = [rationale for rationale in mentor if rationale.is_correct]
    both = {r.question_id for r in right} & {r.question_id for r in mentor if not r.is_correct}
    facts: dict[str, Any] = {
        "right_copies": sum((r.question_id, _words(r.text)) in written for r in right),
        "newly_covered_questions": len({r.question_id for r in right} - seen),
        "questions_right_and_wrong": len(both),
    }
    facts["right_copies_share"] = percent(facts["right_copies"], len(right))
    for name, is_seen in (("seen", True), ("unseen", False)):
        group = [rationale for rationale in mentor if (rationale.question_id in seen) == is_seen]
        correct = sum(rationale.is_correct for rationale in group)
        facts[name] = {
            "questions": len({rationale.question_id for rationale in group}),
            "rows": len(group),
            "accuracy": percent(correct, len(group)),
            "interval": interval(correct, len(group)),
        }
    return facts


def coverage(rationales: Iterable[Rationale]) -> list[float]:
    """Return the expected share (%) of questions with a right rationale among k drawn, k from 1.

    Each question has n rationales, c of them right; k drawn without replacement are all wrong with
    probability C(n-c, k) / C(n, k). Of a question that has fewer than k, all are drawn.
    """
    by_question: dict[str, list[bool]] = defaultdict(list)
    for rationale in rationales:
        by_question[rationale.question_id].append(rationale.is_correct)
    outcomes = list(by_question.values())
    most = max(len(outcome) for outcome in outcomes)
    shares = []
    for k in range(1, most + 1):
        missed = [
            math.comb(len(outcome) - sum(outcome), drawn) / math.comb(len(outcome), drawn)
            for outcome in outcomes
            for drawn in [min(k, len(outcome))]
        ]
        shares.append(100 * (1 - statistics.fmean(missed)))
    return [round(share, 2) for share in shares]


def word_overlap(rationales: Iterable[Rationale]) -> float | None:
    """Return how alike the rationales of one question are: 0 no word shared, 1 the same words.

    The mean, over all pairs of one question, of the words in both among the words in either
    (Jaccard). None where no question has two.
    """
    by_question: dict[str, list[set[str]]] = defaultdict(list)
    for rationale in rationales:
        by_question[rationale.question_id].append(set(rationale.text.lower().split()))
    pairs = [pair for words in by_question.values() for pair in combinations(words, 2)]
    shares = [len(a & b) / len(a | b) if a | b else 1.0 for a, b in pairs]
    return round(statistics.fmean(shares), 3) if shares else None


def percent(part: int, whole: int) -> float | None:
    """Return a share in percent, to two places; None of nothing."""
    return round(100 * part / whole, 2) if whole else None


def interval(part: int, whole: int) -> list[float] | None:
    """Return the 95% Wilson interval of a share in percent, to two places; None of nothing."""
    return [round(bound, 2) for bound in wilson_interval(part, whole)] if whole else None


def _lengths(rationales: Sequence[Rationale]) -> dict[str, Any]:
    words = [len(rationale.text.split()) for rationale in rationales]
    bars = Counter(min(length // BIN, BINS - 1) for length in words)
    return {
        "mean": round(statistics.fmean(words), 1),
        "median": statistics.median(words),
        "max": max(words),
        "bar_width": BIN,
        "bars": [bars[position] for position in range(BINS)],
    }


def _mean_words(rationales: Sequence[Rationale]) -> float | None:
    words = [len(rationale.text.split()) for rationale in rationales]
    return round(statistics.fmean(words), 1) if words else None


def _words(text: str) -> str:
    return " ".join(text.split())
