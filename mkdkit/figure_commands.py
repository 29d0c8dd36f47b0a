"""What `mkdkit figures` draws: every figure that needs no run, from tables and records alone."""

import json
from collections.abc import Iterator
from pathlib import Path

from mkdkit.commands import say

GRIDS = Path(__file__).parents[1] / "data" / "settings" / "grids"
SIZES = ("student", "middle", "mentor")
PUBLISHED = ("tracking_shuffled_objects", "last_letter_concatenation")


def figures() -> None:
    """Draw again every figure that needs no run: the method, published numbers, measured tables.

    What has no whole table in data/results yet is left out, and named.
    """
    import matplotlib.pyplot as plt

    from mkdkit.pipeline import results
    from mkdkit.show import figures as drawing

    plt.style.use(drawing.STYLE)
    drawing.save(drawing.plot_method(), "method")
    for task in PUBLISHED:
        drawing.save(drawing.plot_published(task), f"published_{task}")
    drawing.save(drawing.plot_annotators(), "published_annotators")
    records = {size: results.RESULTS / f"pretrain_{size}.json" for size in SIZES}
    made = {
        size: json.loads(path.read_text(encoding="utf-8"))
        for size, path in records.items()
        if path.is_file()
    }
    if made:
        drawing.save(drawing.plot_pretraining(made), "tiny_pretraining")
    for name, (missing, rows) in sweeps().items():
        if missing:
            say(f"not drawn: {name}, {missing} of {rows} rows to be measured")
            continue
        _draw_sweep(name)
        plt.close("all")
    for name in whole_student_tables():
        _draw_behaviour(name)
        plt.close("all")
    say(f"figures: {drawing.folder()}")


def sweeps() -> dict[str, tuple[int, int]]:
    """Return grid -> how many of its table's rows are still to be measured, and all its rows.

    Of those that a figure is made for: a reader's own grids may lie among them.
    """
    from mkdkit.pipeline import grid_file, grids, results
    from mkdkit.show import evidence

    found = {}
    for path in sorted(GRIDS.glob("*.toml")):
        if path.stem not in evidence.FIGURES:
            continue
        wanted = {cell.name for cell in grid_file.read(path).cells}
        missing = wanted - grids.measured(path.stem, results.RESULTS)
        found[path.stem] = len(missing), len(wanted)
    return found


def whole_student_tables() -> Iterator[str]:
    """Yield the tables of students that have rows of all their arms and seeds; name the others."""
    from mkdkit.pipeline import grids, results, student_tables
    from mkdkit.show import behaviour

    for name in behaviour.FIGURES:
        wanted = student_tables.wanted(name)
        there = {found[:3] for found in grids.measured(name, results.RESULTS)}
        if missing := len(wanted - there):
            say(f"not drawn: {name}, {missing} of {len(wanted)} students to be measured")
        else:
            yield name


def _draw_behaviour(name: str) -> None:
    from mkdkit.evaluation import statistics
    from mkdkit.pipeline import results
    from mkdkit.show import behaviour
    from mkdkit.show import figures as drawing

    rows = results.read_table(name, folder=results.RESULTS)
    drawing.save(behaviour.FIGURES[name](rows, student_t=statistics.mean_interval), name)


def _draw_sweep(name: str) -> None:
    from mkdkit.evaluation import statistics
    from mkdkit.pipeline import results
    from mkdkit.show import evidence
    from mkdkit.show import figures as drawing

    rows = results.read_table(name, folder=results.RESULTS)
    intervals = {"wilson": statistics.wilson_interval, "student_t": statistics.mean_interval}
    drawing.save(evidence.plot(name, rows, **intervals), name)


COMMANDS = {"figures": figures}
