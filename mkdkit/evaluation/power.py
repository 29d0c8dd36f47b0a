"""What a test can show: how often exact McNemar finds a difference that is there."""

import numpy as np
from scipy import optimize, stats


def mcnemar_power(n: int, *, differing: float, difference: float, level: float = 0.05) -> float:
    """Return how often exact McNemar calls a true difference sure (0 to 1), counted out exactly.

    The number of questions on which the arms differ is itself left to chance, as it is in a test.
    At a difference of 0 this is the rate of false alarms, which is below `level`.

    Args:
        n: questions in the test.
        differing: share (%) of all such questions that one arm gets right and the other wrong.
        difference: by how many points one arm is truly better; at most `differing`.
        level: the p-value has to stay below it, two-sided.

    Raises:
        ValueError: there are no questions, or the shares are impossible.
    """
    if n < 1 or not 0 < differing <= 100 or not 0 <= difference <= differing:
        raise ValueError(
            "need n >= 1, 0 < differing <= 100 and 0 <= difference <= differing (both in % of the "
            f"questions), got n {n}, differing {differing}, difference {difference}"
        )
    discordant = np.arange(n + 1)
    # so many questions lost at most, or gained at most, and the p-value is below the level
    most = stats.binom.ppf(level / 2, discordant, 0.5) - 1
    gained = (1 + difference / differing) / 2  # share of the questions on which they differ
    lost_few = stats.binom.cdf(most, discordant, 1 - gained)
    gained_few = stats.binom.cdf(most, discordant, gained)
    chance = stats.binom.pmf(discordant, n, differing / 100)
    return float(chance @ (lost_few + gained_few))


def detectable_difference(
    n: int, *, differing: float, power: float = 0.8, level: float = 0.05
) -> float | None:
    """Return the smallest true difference (points) that n questions show with a given power.

    None if they cannot: if even an arm that loses no question to the other is not found so often.
    The more questions two arms differ on, the larger a difference has to be.

    Args:
        n: questions in the test.
        differing: share (%) of the questions that one arm gets right and the other wrong; two arms
            that were compared before tell it (`count_pairs`: gained and lost, of all).
        power: how often exact McNemar is to call the difference sure.
        level: the p-value has to stay below it, two-sided.

    Raises:
        ValueError: as `mcnemar_power`, or the power is not above the level and below 1.
    """
    if not level < power < 1:
        raise ValueError(f"power must be above the level {level} and below 1, got {power}")

    def missing(difference: float) -> float:
        return power - mcnemar_power(n, differing=differing, difference=difference, level=level)

    if missing(differing) > 0:
        return None
    return float(optimize.root_scalar(missing, bracket=(0, differing), xtol=1e-6).root)
