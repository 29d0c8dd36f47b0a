"""Is a student as often right as it says? Reliability in bins, and the error that chance makes.

Confidences come in as numbers; `evaluation.confidence` has them from a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

BINS = 10  # of one width, each 10 points of probability


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence lies above `low` and not above `high`; all in percent."""

    low: float
    high: float
    n: int
    confidence: float  # their mean
    accuracy: float


def bin_confidences(
    confidences: Sequence[float], outcomes: Sequence[bool], *, bins: int = BINS
) -> list[Bin]:
    """Return the bins of a reliability diagram that hold any answer, the least sure first.

    Args:
        confidences: 0 to 1, question by question.
        outcomes: whether the answer was right, in the same order.
        bins: how many of one width there are from 0 to 1; (0, 0.1] is the first of ten.
    """
    values, right = _checked(confidences, outcomes, bins)
    places = _places(values, bins)
    return [
        Bin(
            low=100 * place / bins,
            high=100 * (place + 1) / bins,
            n=int((places == place).sum()),
            confidence=100 * float(values[places == place].mean()),
            accuracy=100 * float(right[places == place].mean()),
        )
        for place in sorted(set(places.tolist()))
    ]


def calibration_error(
    confidences: Sequence[float], outcomes: Sequence[bool], *, bins: int = BINS
) -> float:
    """Return the expected calibration error, in percentage points; 0 if every bin is as it says.

    The gap between mean confidence and accuracy of each bin, without sign, weighed by the answers
    in it. Bins of one width, as published: bins of equal numbers would have to part answers of
    the same confidence, and the sure ones are many. It is never 0 by chance alone, see
    `error_by_chance`.

    Args:
        confidences: 0 to 1, question by question.
        outcomes: whether the answer was right, in the same order.
        bins: how many there are from 0 to 1.

    Source: Guo, Pleiss, Sun and Weinberger (ICML 2017), equation 3; they take 15 bins for 10,000
    images and more.
    """
    values, right = _checked(confidences, outcomes, bins)
    return float(_errors(values, right[None], bins)[0])


def error_by_chance(
    confidences: Sequence[float],
    *,
    attempts: int | None = None,
    bins: int = BINS,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the error (points) of a perfectly calibrated model: mean, and 95th percentile.

    Each of its answers is right with just its own probability; of few questions the share of right
    ones in a bin still misses that. And where a confidence is the share of a few attempts, it
    misses the probability too: those that came out high are too high. Then probabilities are drawn
    as widely spread as the shares say (a beta distribution, of greatest likelihood), and shares
    anew from them. An error above the second number is more than chance.

    Args:
        confidences: 0 to 1, question by question.
        attempts: how many each confidence is the share of; None: they are probabilities.
        bins: how many there are from 0 to 1.
        draws: simulated tests.
        seed: of the simulation.

    Raises:
        ValueError: a confidence is no share of so many attempts.
    """
    values, _ = _checked(confidences, [True] * len(confidences), bins)
    rng, shape = np.random.default_rng(seed), (draws, len(values))
    true = np.broadcast_to(values, shape)
    if attempts is not None:
        true = _spread(values, attempts, rng, shape)
        values = rng.binomial(attempts, true) / attempts
    errors = _errors(values, rng.random(shape) < true, bins)
    return float(errors.mean()), float(np.percentile(errors, 95))


def _spread(
    shares: np.ndarray, attempts: int, rng: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray:
    """Draw probabilities of which the shares may be samples."""
    counts = np.rint(attempts * shares)
    if attempts < 1 or not np.allclose(counts / attempts, shares):
        raise ValueError(f"confidences must be shares of {attempts} attempts, got others")
    if len(set(counts)) == 1:  # no spread beyond that of sampling; the ends have none at all
        return np.full(shape, shares[0])

    def unlikelihood(logs: np.ndarray) -> float:
        return -float(stats.betabinom.logpmf(counts, attempts, *np.exp(logs)).sum())

    fitted = optimize.minimize(unlikelihood, np.zeros(2), bounds=[(-6, 8)] * 2)
    one, other = np.exp(fitted.x)
    return rng.beta(one, other, shape)


def _errors(values: np.ndarray, right: np.ndarray, bins: int) -> np.ndarray:
    """Return the error (points) of each row of `right`, (draws, answers)."""
    places = np.broadcast_to(_places(values, bins), right.shape)
    gaps = values - right
    return (
        100
        * sum(np.abs(np.where(places == place, gaps, 0).sum(axis=1)) for place in range(bins))
        / right.shape[1]
    )


def _places(values: np.ndarray, bins: int) -> np.ndarray:
    return np.digitize(values, np.linspace(0, 1, bins + 1)[1:-1], right=True)


def _checked(
    confidences: Sequence[float], outcomes: Sequence[bool], bins: int
) -> tuple[np.ndarray, np.ndarray]:
    values, right = np.asarray(confidences, dtype=float), np.asarray(outcomes, dtype=bool)
    if len(values) != len(right) or not len(values) or bins < 1:
        raise ValueError(
            "calibration needs one outcome for each confidence and at least one bin, got "
            f"{len(values)} confidences, {len(right)} outcomes, {bins} bins"
        )
    if not (values >= 0).all() or not (values <= 1).all():  # nan is neither
        raise ValueError(f"confidences must be 0 to 1, got {values.min()} to {values.max()}")
    return values, right
