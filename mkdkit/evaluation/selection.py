"""What a test score becomes when the test itself chooses the epoch."""

from collections.abc import Sequence


def by_choice(validation: Sequence[float], test: Sequence[float]) -> dict[str, float]:
    """Return the test accuracy of the epoch that each rule chooses, in the unit given.

    "best on test" is what Mentor-KD and Fine-tune-CoT report: the highest of many noisy numbers,
    so too high on average. "best on validation" chooses by other questions, of equal epochs the
    later one, as `training.loop` does; "last" does not choose.

    >>> by_choice([40.0, 50.0, 50.0], [42.0, 47.0, 45.0])
    {'best on test': 47.0, 'best on validation': 45.0, 'last': 45.0}

    Args:
        validation: accuracy after each epoch, on questions that choose.
        test: after the same epochs, on questions that report.

    Raises:
        ValueError: there is no epoch, or one series is longer.
    """
    if len(validation) != len(test) or not test:
        raise ValueError(f"need one of each per epoch, got {len(validation)} and {len(test)}")
    chosen = max(range(len(test)), key=lambda epoch: (validation[epoch], epoch))
    return {
        "best on test": max(test),
        "best on validation": test[chosen],
        "last": test[-1],
    }
