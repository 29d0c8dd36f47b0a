"""Two arms compared over several seeds, task by task: the seed is the unit, not the question."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mkdkit.evaluation import statistics


def compare(
    rows: Iterable[Mapping[str, Any]], first: str, second: str
) -> dict[str, dict[str, Any]]:
    """Task -> how far `second` is above `first`, with what several seeds say about it.

    Each entry has `differences` (percentage points, one per seed that both arms have, seeds
    ascending), `points` (their mean), `interval` (95%, Student's t) and its `p_t`, `p` (sign-flip
    test) and `p_holm` (that, adjusted for the number of tasks). Tasks with fewer than two seeds of
    both arms are left out.

    Args:
        rows: with task, arm, seed and accuracy (%), as `data/results/tiny_arms.csv` has them.
        first: the arm that is compared with.
        second: the arm whose lead is asked for.
    """
    accuracy = {(row["task"], row["arm"], row["seed"]): row["accuracy"] for row in rows}
    found = {}
    for task in dict.fromkeys(task for task, _, _ in accuracy):
        seeds = sorted(seed for name, arm, seed in accuracy if (name, arm) == (task, first))
        both = [seed for seed in seeds if (task, second, seed) in accuracy]
        differences = [accuracy[task, second, s] - accuracy[task, first, s] for s in both]
        if len(differences) > 1:
            points, low, high = statistics.mean_interval(differences)
            entry = {"differences": differences, "points": points, "interval": (low, high)}
            entry["p_t"] = statistics.mean_test(differences)
            found[task] = entry | {"p": statistics.sign_flip_test(differences)}
    adjusted = statistics.holm([entry["p"] for entry in found.values()]) if found else []
    for entry, p in zip(found.values(), adjusted, strict=True):
        entry["p_holm"] = p
    return found


def complete(
    rows: Iterable[Mapping[str, Any]], arms: Collection[str], seeds: int
) -> list[Mapping[str, Any]]:
    """Return the rows of those tasks of which every one of some arms has so many seeds.

    A table that is still being filled shows nothing of a task before: who looks after every seed,
    and stops when it pleases, finds differences that are not there.
    """
    rows = list(rows)
    found: dict[tuple[str, str], set[int]] = {}
    for row in rows:
        found.setdefault((row["task"], row["arm"]), set()).add(row["seed"])
    return [
        row for row in rows if all(len(found.get((row["task"], arm), ())) >= seeds for arm in arms)
    ]
