"""Every grid that ships has its figure, and a figure stands where its rows say."""

import itertools
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
import numpy as np
import pytest

from mkdkit.__main__ import main
from mkdkit.evaluation.statistics import mean_interval, wilson_interval
from mkdkit.models import tiny
from mkdkit.pipeline import grid_file, results
from mkdkit.show import canvas, evidence, published, two_settings

mpl.use("Agg")
pytestmark = pytest.mark.usefixtures("figure_style")
GRIDS = sorted((Path(__file__).parents[1] / "data" / "settings" / "grids").glob("*.toml"))


def filled(name):
    """The rows a grid would leave, every one with another number of right answers."""
    path = next(path for path in GRIDS if path.stem == name)
    numbers = itertools.count(100, 3)
    return [
        dict(cell.labels) | {"correct": c, "n": 500, "accuracy": c / 5, "steps": 1, "key": str(c)}
        for cell, c in zip(grid_file.read(path).cells, numbers, strict=False)
    ]


def plot(name):
    sweep = evidence.SWEEPS[name]
    return evidence.plot_sweep(filled(name), sweep, wilson=wilson_interval, student_t=mean_interval)


def points(ax, gid):
    return [tuple(xy) for line in ax.lines if line.get_gid() == gid for xy in line.get_xydata()]


def test_every_grid_has_a_figure_and_every_figure_a_grid():
    assert len(GRIDS) > 8
    assert {path.stem for path in GRIDS} == evidence.SWEEPS.keys() | evidence.TWO_SETTINGS.keys()


@pytest.mark.parametrize("name", evidence.SWEEPS)
def test_a_sweep_draws_every_row_of_its_table(name):
    rows = evidence.SWEEPS[name].shown(filled(name))
    assert len(points(plot(name), "rows")) == len(rows) > 0


def test_students_stand_in_the_order_of_their_weights_however_rows_came():
    ax = evidence.TWO_SETTINGS["sweep_student_size"](filled("sweep_student_size")[::-1])
    names = [label.get_text() for label in ax.get_xticklabels()]
    sizes = [(tiny.folder(name) / "model.safetensors").stat().st_size for name in names]
    assert len(names) == 3
    assert sizes == sorted(sizes)


def test_what_was_measured_here_is_named_below():
    for name, said in {
        "sweep_degree": "mentor_kd, multi_step_arithmetic",  # one arm: no colour tells it
        "sweep_filtering": "tracking_shuffled_objects",
    }.items():
        (legend,) = plot(name).get_figure().legends
        assert legend.get_texts()[0].get_text() == f"measured here: {said}"


def test_means_over_seeds_stand_at_the_settings_values():
    rows = filled("sweep_degree")
    means = {
        degree: fmean(row["accuracy"] for row in rows if row["sampling.degree"] == degree)
        for degree in (1, 2, 3, 6, 9)
    }
    assert dict(points(plot("sweep_degree"), "means")) == pytest.approx(means)


def test_published_lines_stand_on_the_same_axis():
    ax = plot("sweep_degree")
    (line,) = (line for line in ax.lines if line.get_color() == canvas.PUBLISHED)
    assert line.get_xydata().tolist() == [
        [degree, value]
        for degree, value in zip(
            range(1, 10), published.DEGREE["tracking_shuffled_objects"].accuracies, strict=True
        )
    ]


def test_the_published_weight_of_zero_is_that_of_a_run_with_a_mentor():
    ax = plot("sweep_kd_weight")
    lines = [line for line in ax.lines if line.get_color() == canvas.PUBLISHED]
    assert [line.get_xydata().tolist()[0] for line in lines] == [[0.1, 82.67], [0.0, 82.22]]


def test_settings_that_are_drawn_as_multiples_are_joined():
    """One column less, or rows would seem to differ in something besides the axis."""
    rows = [
        {"arm": "mentor_kd", "seed": seed, "questions.train": train, "accuracy": 50.0}
        for train in (30, 300)
        for seed in (1, 2)
    ]
    shown = evidence.SWEEPS["sweep_data_share"].shown(rows)
    assert [row.get("share") for row in shown] == [10, 10, 100, 100]
    assert all("questions.train" not in row for row in shown)
    assert any(line.get_gid() == "line" for line in plot("sweep_mentor_size").lines)


def test_a_table_without_a_figure_is_refused_by_name():
    with pytest.raises(ValueError, match="no figure is made for 'my_grid'; there are sweep_degree"):
        evidence.plot("my_grid", [], wilson=None, student_t=None)


def test_an_axis_that_doubles_holds_all_that_is_drawn():
    ax = plot("sweep_diverse")
    assert ax.get_xscale() == "log"
    low, high = ax.get_xlim()
    assert 0 < low < 1 < 64 < high
    assert ax.get_xlabel().startswith("teacher's rationales per question (log scale)\n")


def test_a_teacher_stands_where_it_was_scored_and_not_among_the_students():
    rate, other = "teacher.slip_rate", {"n": 100, "key": "k"}
    rows = [
        {"arm": "teacher", "seed": seed, rate: 0.4, "accuracy": accuracy} | other
        for seed, accuracy in ((1, 60.0), (2, 70.0))
    ]
    rows.append({"arm": "mentor_kd", "seed": 1, rate: 0.4, "accuracy": 50.0} | other)
    shown = evidence.SWEEPS["sweep_slip_rate"].shown(rows)
    assert [(row["arm"], row["teacher"], rate in row) for row in shown] == [
        ("mentor_kd", 65.0, False)
    ]


def test_sizes_are_those_of_the_bases():
    for name, millions in evidence.MILLIONS.items():
        config = tiny.config(name.removeprefix("tiny-"))
        width, inner = config.hidden_size, config.intermediate_size
        per_layer = 4 * width**2 + 3 * width * inner + 2 * width
        count = config.vocab_size * width + config.num_hidden_layers * per_layer + width
        assert count / 1e6 == pytest.approx(millions, abs=0.01)


def test_answers_alone_are_drawn_once_however_many_rationales_there_would_be():
    shown = evidence.SWEEPS["sweep_data_size"].shown(filled("sweep_data_size"))
    kinds = [row["learns from"] for row in shown]
    assert {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)} == {
        "answers": 4 * 3,
        "1 a question": 4 * 3,
        "4 a question": 4 * 3,
    }


def test_a_heat_map_has_the_mean_of_each_cell():
    rows = filled("sweep_learning_rate")
    x, y = "student.batch_size", "student.learning_rate"
    ax = two_settings.plot_heat_map(rows, x=x, y=y, xlabel="batch", ylabel="rate")
    cell = [row["accuracy"] for row in rows if (row[x], row[y]) == (8, 1e-3)]
    assert len(cell) == 3
    drawn = np.asarray(ax.images[0].get_array())
    assert drawn.shape == (3, 4)
    assert drawn[1, 1] == pytest.approx(fmean(cell))
    assert f"{fmean(cell):.1f}" in [text.get_text() for text in ax.texts]


def test_a_gain_is_hatched_from_the_first_mean_to_the_second():
    rows = [
        {"base": base, "count": count, "accuracy": accuracy, "seed": seed}
        for base, count, accuracy, seed in [
            ("small", 1, 20.0, 1), ("small", 1, 30.0, 2), ("small", 4, 60.0, 1),
            ("large", 1, 50.0, 1), ("large", 4, 45.0, 1),
        ]
    ]  # fmt: skip
    ax = two_settings.plot_gain(
        rows, x="base", by="count", xlabel="student", names={"1": "one", "4": "four"}
    )
    solid = [bar for bar in ax.patches if not bar.get_hatch()]
    hatched = [bar for bar in ax.patches if bar.get_hatch()]
    assert [bar.get_height() for bar in solid] == [25.0, 50.0]
    assert [(bar.get_y(), bar.get_height()) for bar in hatched] == [(25.0, 35.0), (50.0, -5.0)]


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A folder of results, and where figures go."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(canvas, "FIGURES", tmp_path / "figures")
    return tmp_path


def test_figures_draws_the_tables_that_are_whole_and_names_the_others(tables, capsys):
    for path in GRIDS:
        rows = filled(path.stem)
        rows = rows[:-1] if path.stem == "sweep_degree" else rows  # one cell is not measured
        results.append_rows(path.stem, rows, folder=tables)
    assert main(["figures"]) == 0
    drawn = {path.stem for path in (tables / "figures").glob("sweep_*.png")}
    assert drawn == {path.stem for path in GRIDS} - {"sweep_degree"}
    assert "not drawn: sweep_degree, 1 of 15 rows to be measured" in capsys.readouterr().err
    assert {"method.svg", "published_last_letter_concatenation.png"} <= {
        path.name for path in (tables / "figures").iterdir()
    }


def test_rows_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="needs rows, got none"):
        evidence.plot_sweep(
            [], evidence.SWEEPS["sweep_degree"], wilson=wilson_interval, student_t=mean_interval
        )
    with pytest.raises(ValueError, match="no 'b'; it has a, accuracy"):
        two_settings.plot_heat_map([{"a": 1, "accuracy": 2}], x="a", y="b", xlabel="", ylabel="")
    with pytest.raises(ValueError, match="must have two values"):
        two_settings.plot_gain(
            [{"a": 1, "b": 1, "accuracy": 2}], x="a", by="b", xlabel="", names={"1": "one"}
        )
    uneven = [{"a": a, "b": b, "accuracy": 2} for a, b in ((1, 1), (1, 2), (3, 1))]
    with pytest.raises(ValueError, match="3 lacks one"):
        two_settings.plot_gain(uneven, x="a", by="b", xlabel="", names={"1": "one", "2": "two"})
