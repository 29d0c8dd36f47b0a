"""The student's loss for one token, small enough to be drawn: values, gradients, what is rewarded.

Written out in numpy, so that a reader can follow every number; the losses that train are in
`training.losses`, and a test holds both to the same values and gradients.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.special import softmax

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR
from mkdkit.show.tokens import visible

Pair = tuple[float, np.ndarray]  # a divergence, and its gradient in the student's logits
FORWARD, REVERSE, BETWEEN = "KL(mentor ‖ student)", "KL(student ‖ mentor)", "Jensen-Shannon"
PARTS = {"rationale": "#e6a700", "soft labels": "#7a5195"}


def soften(logits: Sequence[float], temperature: float = 1.0) -> np.ndarray:
    """The distribution of logits divided by a temperature."""
    return softmax(np.asarray(logits, dtype=float) / temperature)


def _forward(mentor: np.ndarray, student: np.ndarray) -> Pair:
    return _kl(mentor, student), student - mentor


def _reverse(mentor: np.ndarray, student: np.ndarray) -> Pair:
    value = _kl(student, mentor)
    return value, student * (_log(student) - _log(mentor) - value)


def _between(mentor: np.ndarray, student: np.ndarray) -> Pair:
    middle = (mentor + student) / 2
    own = _kl(student, middle)
    return (_kl(mentor, middle) + own) / 2, student * (_log(student) - _log(middle) - own) / 2


def _kl(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * (_log(one) - _log(other))).sum())


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, 1e-300))  # one that is too small for a number is not 0


DIVERGENCES: dict[str, Callable[[np.ndarray, np.ndarray], Pair]] = {
    FORWARD: _forward,  # Mentor-KD's, equation 4
    REVERSE: _reverse,
    BETWEEN: _between,
}


@dataclass(frozen=True)
class Weighed:
    """The parts of the student's loss for one token, in nats, and what they do to its logits."""

    mentor: np.ndarray  # (tokens,), softened
    student: np.ndarray  # (tokens,), softened
    rationale: float  # cross-entropy of the token that stands in the rationale
    soft_labels: float  # divergence of the softened distributions
    loss: float  # the mix
    gradients: dict[str, np.ndarray]  # part of the mix -> (tokens,), in the student's logits


def weigh(
    mentor: Sequence[float],
    student: Sequence[float],
    label: int,
    *,
    kd_weight: float,
    temperature: float,
    divergence: str = FORWARD,
    tau_squared: bool = False,
) -> Weighed:
    """Return (1 - λ) · rationale loss + λ · divergence for one token, part by part.

    Args:
        mentor: logits, one for each token.
        student: logits; gradients are with respect to these.
        label: number of the token that stands in the rationale.
        kd_weight: λ.
        temperature: τ, > 0, of both sides of the divergence.
        divergence: one of `DIVERGENCES`.
        tau_squared: multiply the divergence by τ², which keeps its gradient's size.

    Raises:
        ValueError: there is no such divergence or label, the logits differ in number, or the
            temperature is not above 0.
    """
    if divergence not in DIVERGENCES:
        raise ValueError(f"divergence must be one of {[*DIVERGENCES]}, got {divergence!r}")
    if len(mentor) != len(student):
        sizes = f"{len(mentor)} and {len(student)}"
        raise ValueError(f"mentor and student need as many logits as there are tokens, got {sizes}")
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}; 1 leaves all as it is")
    if not 0 <= label < len(student):
        raise ValueError(f"label must be a token from 0 to {len(student) - 1}, got {label}")
    soft_mentor, soft_student = soften(mentor, temperature), soften(student, temperature)
    value, slope = DIVERGENCES[divergence](soft_mentor, soft_student)
    hard = soften(student)
    weight = kd_weight * (temperature**2 if tau_squared else 1.0)
    rationale = float(-_log(hard)[label])
    return Weighed(
        mentor=soft_mentor,
        student=soft_student,
        rationale=rationale,
        soft_labels=value,
        loss=(1 - kd_weight) * rationale + weight * value,
        gradients={
            "rationale": (1 - kd_weight) * (hard - np.eye(len(hard))[label]),
            "soft labels": weight * slope / temperature,
        },
    )


def plot_weighed(weighed: Weighed, tokens: Sequence[str], label: int) -> Axes:
    """Both softened distributions, and how the loss pushes each of the student's logits.

    Args:
        weighed: the loss of one token.
        tokens: as text, in the order of the logits.
        label: number of the token that stands in the rationale, marked ►.

    Returns:
        The first panel's Axes.
    """
    left, right = canvas.start_row(2, size=(8.4, 0.42 * len(tokens) + 1.5), share_y=True)
    rows = np.arange(len(tokens))
    for role, values, offset in (
        ("mentor", weighed.mentor, -0.2),
        ("student", weighed.student, 0.2),
    ):
        left.barh(rows + offset, values, height=0.4, color=COLOR[role], label=role)
    left.set(xlabel="probability, softened by τ", xlim=(0, 1))
    total = np.zeros(len(tokens))
    for (part, slope), offset in zip(weighed.gradients.items(), (-0.2, 0.2), strict=True):
        right.barh(rows + offset, -slope, height=0.4, color=PARTS[part], label=part)
        total -= slope
    right.plot(total, rows, "d", color="black", markersize=6, label="both")
    right.axvline(0, color="black", linewidth=1)
    widest = max(
        1.0, *(float(np.abs(slope).max()) for slope in (*weighed.gradients.values(), total))
    )
    right.set(xlabel="push on the student's logit", xlim=(-1.05 * widest, 1.05 * widest))
    right.locator_params(axis="x", nbins=5)
    names = [
        f"► {visible(token)}" if n == label else visible(token) for n, token in enumerate(tokens)
    ]
    left.set_yticks(rows, [name.replace("$", r"\$") for name in names])
    left.invert_yaxis()
    for ax in (left, right):
        ax.grid(axis="y", visible=False)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8)
    return left


def plot_rewarded(mentor: Sequence[float]) -> Axes:
    """The one-peaked student that each divergence likes best, under a mentor's probabilities.

    Such a student cannot be like a mentor with two peaks. Forward KL punishes it for what it leaves
    out, reverse KL for what it adds.

    Args:
        mentor: probabilities, > 0, over tokens in a row.
    """
    given = np.asarray(mentor, dtype=float) / np.sum(mentor)
    places = np.arange(len(given))
    centres, widths = np.linspace(0, len(given) - 1, 4 * len(given)), np.geomspace(0.3, 20, 60)
    students = [soften(-(((places - c) / w) ** 2)) for c in centres for w in widths]
    axes = canvas.start_row(len(DIVERGENCES), size=(9.0, 2.6), share_y=True)
    for ax, (name, diverge) in zip(axes, DIVERGENCES.items(), strict=True):
        best = min(students, key=lambda one: diverge(given, np.maximum(one, 1e-12))[0])
        ax.bar(places, given, color=COLOR["mentor"], alpha=0.45, label="mentor")
        ax.plot(places, best, "o-", color=COLOR["student"], markersize=4, label="student")
        ax.set(title=name, xlabel="token", xticks=[])
    axes[0].set_ylabel("probability")
    axes[-1].legend(fontsize=8)
    return axes[0]


def describe(weighed: Weighed) -> dict[str, Any]:
    """The numbers of a loss, to be shown as a table."""
    return {
        "rationale loss": weighed.rationale,
        "soft-label loss": weighed.soft_labels,
        "loss": weighed.loss,
    } | {f"gradient of {part}": float(np.linalg.norm(g)) for part, g in weighed.gradients.items()}
