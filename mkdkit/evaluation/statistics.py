"""How sure a number is: intervals for one accuracy, tests for two arms on the same questions."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats


def wilson_interval(correct: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Wilson interval of a proportion, in percent.

    >>> [round(bound, 1) for bound in wilson_interval(50, 100)]
    [40.4, 59.6]

    Source: Wilson (1927); computed by scipy.
    """
    _require_counts(correct, n)
    interval = stats.binomtest(correct, n).proportion_ci(confidence, method="wilson")
    return 100 * float(interval.low), 100 * float(interval.high)


def mcnemar(first: Sequence[bool], second: Sequence[bool]) -> float:
    """Return the exact two-sided McNemar p-value of two arms on the same questions.

    Only questions that one arm got right and the other wrong count: under the null hypothesis
    each is a fair coin. 1 if there are none.

    Args:
        first: whether the first arm was right, question by question.
        second: the same for the second arm, in the same order.
    """
    _require_pairs(first, second)
    gained = sum(b and not a for a, b in zip(first, second, strict=True))
    lost = sum(a and not b for a, b in zip(first, second, strict=True))
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def paired_bootstrap(
    first: Sequence[bool], second: Sequence[bool], *, draws: int = 10_000, seed: int = 0
) -> tuple[float, float, float]:
    """Return the gain of the second arm over the first and its 95% interval, in points.

    Questions are drawn with replacement, both arms' results together.
    """
    _require_pairs(first, second)
    gain = 100.0 * (np.asarray(second, dtype=float) - np.asarray(first, dtype=float))
    source = np.random.default_rng(seed)
    means = gain[source.integers(0, len(gain), size=(draws, len(gain)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(gain.mean()), float(low), float(high)


def majority_accuracy(answers: Sequence[str]) -> float:
    """Return the accuracy (%) of always giving the most frequent answer."""
    if not answers:
        raise ValueError("there are no answers to count")
    return 100 * Counter(answers).most_common(1)[0][1] / len(answers)


def _require_counts(correct: int, n: int) -> None:
    if not 0 <= correct <= n or n < 1:
        raise ValueError(f"need 0 <= correct <= n and n >= 1, got correct {correct}, n {n}")


def _require_pairs(first: Sequence[bool], second: Sequence[bool]) -> None:
    if len(first) != len(second) or not first:
        raise ValueError(
            f"both arms need the same questions, got {len(first)} and {len(second)} results"
        )
