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

    A sweep whose table of data/results is not whole yet is left out, and named.
    """
    import matplotlib.pyplot as plt

    from mkdkit.pipeline import results
    from mkdkit.show import figures as drawing

    plt.style.use(drawing.STYLE)
    drawing.save(drawing.plot_method(), "method")
    for task in PUBLISHED:
        drawing.save(drawing.plot_published(task), f"published_{task}")
    records = {size: results.RESULTS / f"pretrain_{size}.json" for size in SIZES}
    made = {
        size: json.loads(path.read_text(encoding="utf-8"))
        for size, path in records.items()
        if path.is_file()
    }
    if made:
        drawing.save(drawing.plot_pretraining(made), "tiny_pretraining")
    for name in whole_sweeps():
        _draw_sweep(name)
        plt.close("all")
    say(f"figures: {drawing.folder()}")


def whole_sweeps() -> Iterator[str]:
    """Yield the sweeps whose tables have a row for every cell of their grids; name the others."""
    from mkdkit.pipeline import grid_file, results

    for path in sorted(GRIDS.glob("*.toml")):
        cells = grid_file.read(path).cells
        wanted, columns = {cell.name for cell in cells}, list(cells[0].labels)
        is_begun = (results.RESULTS / f"{path.stem}.csv").is_file()
        rows = results.read_table(path.stem, folder=results.RESULTS) if is_begun else []
        found = {tuple(str(row[column]) for column in columns) for row in rows}
        if missing := len(wanted - found):
            say(f"not drawn: {path.stem}, {missing} of {len(wanted)} rows to be measured")
        else:
            yield path.stem


def _draw_sweep(name: str) -> None:
    from mkdkit.evaluation import statistics
    from mkdkit.pipeline import results
    from mkdkit.show import evidence, two_settings
    from mkdkit.show import figures as drawing

    rows = results.read_table(name, folder=results.RESULTS)
    per_question = "teacher.rationales_per_question"
    if name == "sweep_learning_rate":
        ax = two_settings.plot_heat_map(
            rows,
            x="student.batch_size",
            y="student.learning_rate",
            xlabel="batch size (rows)",
            ylabel="learning rate",
        )
    elif name == "sweep_student_size":
        names = {"1": "one rationale a question", "4": "what four a question add"}
        ax = two_settings.plot_gain(
            rows, x="student_base", by=per_question, xlabel="student", names=names
        )
    else:
        ax = evidence.plot_sweep(
            rows,
            evidence.SWEEPS[name],
            wilson=statistics.wilson_interval,
            student_t=statistics.mean_interval,
        )
    drawing.save(ax, name)


COMMANDS = {"figures": figures}
