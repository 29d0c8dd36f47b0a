"""The explorer draws what rows say, is sure of means over seeds alone, and names every cell."""

import copy
import math
import time
from html import escape
from statistics import NormalDist, mean, stdev

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt

from mkdkit.evaluation.statistics import mean_interval, wilson_interval
from mkdkit.pipeline import results
from mkdkit.show import canvas
from mkdkit.show.exploring import plot_rows
from mkdkit.show.points import axes_of, left_out, points
from mkdkit.show.widgets.ablation_explorer import ablation_explorer

mpl.use("Agg")
pytestmark = pytest.mark.usefixtures("figure_style")
BOTH = {"wilson": wilson_interval, "student_t": mean_interval}
WEIGHT = "student.kd_weight"


def row(weight, arm="mentor_kd", task="coin_flip", seed=0, correct=50, n=100):
    counts = {"accuracy": 100 * correct / n, "n": n, "correct": correct}
    key = f"{task[:4]}-{arm}-{weight}-{seed}"
    return {WEIGHT: weight, "arm": arm, "task": task, "seed": seed, **counts, "key": key}


def grid(seeds=3):
    """Every cell has another number of right answers, so that none can stand for another."""
    cells = [
        (weight, arm, task, seed)
        for task in ("coin_flip", "date_understanding")
        for arm in ("mentor_kd", "fine_tune_cot")
        for weight in (0.0, 0.3, 1.0)
        for seed in range(seeds)
    ]
    return [row(*cell, correct=20 + number) for number, cell in enumerate(cells)]


def drawn(ax, gid):
    """The coordinates of everything that was drawn under a name."""
    lines = [line for line in ax.get_lines() if line.get_gid() == gid]
    return [tuple(pair) for line in lines for pair in line.get_xydata().tolist()]


def bars(ax):
    found = [one for one in ax.collections if one.get_gid() == "intervals"]
    return [segment.tolist() for one in found for segment in one.get_segments()]


# the figure


def test_every_row_is_a_ring_and_several_at_one_place_have_their_mean():
    rows = [row(0.0, correct=40), row(0.0, seed=1, correct=50), row(1.0, correct=70)]
    ax = plot_rows(rows, x=WEIGHT)
    assert sorted(drawn(ax, "rows")) == [(0, 40), (0, 50), (1, 70)]
    assert drawn(ax, "means") == [(0, 45)]
    assert drawn(ax, "line") == [(0, 45), (1, 70)]
    assert ax.get_xlabel().startswith(WEIGHT)
    low, high = ax.get_ylim()
    assert low <= 0 < 100 <= high


def test_one_row_has_wilsons_interval_computed_here_by_its_formula():
    ax = plot_rows([row(0.0, correct=30), row(1.0, correct=30, n=60)], x=WEIGHT, **BOTH)
    z = NormalDist().inv_cdf(0.975)
    for ((at, low), (_, high)), (n, share) in zip(bars(ax), [(100, 0.3), (60, 0.5)], strict=True):
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        assert (low, high) == pytest.approx((100 * (middle - half), 100 * (middle + half)))
        assert at in (0, 1)
    assert "Wilson" in ax.get_ylabel()
    assert "Student" not in ax.get_ylabel()


def test_a_mean_over_seeds_has_students_interval_with_the_tabled_quantile():
    values = [40, 50, 66]
    rows = [row(0.0, seed=seed, correct=correct) for seed, correct in enumerate(values)]
    ax = plot_rows([*rows, row(1.0)], x=WEIGHT, **BOTH)
    half = 4.303 * stdev(values) / math.sqrt(3)  # t of two degrees of freedom, from a table
    (_, low), (_, high) = bars(ax)[0]
    assert (low, high) == pytest.approx((mean(values) - half, mean(values) + half), abs=0.02)
    assert "Student's t" in ax.get_ylabel()
    assert "Wilson" in ax.get_ylabel()


def test_a_rows_own_interval_is_drawn_as_it_is():
    (point,) = points([row(0.0) | {"interval": [12.0, 34.0]}], x=WEIGHT)
    assert point.interval == (12, 34)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"task": "date_understanding", "seed": 1}, "different task"),
        ({"mentor_base": "large", "seed": 1}, "different mentor_base"),
        ({"seed": 0}, "seeds that repeat or are missing"),
    ],
)
def test_a_mean_over_more_than_seeds_has_no_interval_and_the_figure_says_so(other, said):
    rows = [row(0.0), row(0.0) | other]
    (point,) = points(rows, x=WEIGHT, **BOTH)
    assert point.interval is None
    assert point.mixed == (said,)
    ax = plot_rows(rows, x=WEIGHT, **BOTH)
    assert f"no interval for means over {said}" in ax.get_xlabel()
    assert "95%" not in ax.get_ylabel()


def test_what_is_measured_or_follows_the_seed_does_not_make_rows_another_kind():
    rows = [
        row(0.0, seed=seed) | {"seconds": seed / 2, "questions.seed": seed, "name": f"seed={seed}"}
        for seed in (1, 2)
    ]
    assert points(rows, x=WEIGHT)[0].mixed == ()


def test_points_are_joined_only_along_a_setting_with_nothing_else_changing():
    rows = [row(0.0), row(1.0, correct=60)]
    assert drawn(plot_rows(rows, x=WEIGHT), "line")
    assert not drawn(plot_rows([rows[0], rows[1] | {"tau": 2.0}], x=WEIGHT), "line")
    assert not drawn(plot_rows([rows[0], rows[1] | {"seed": 1}], x="seed"), "line")
    assert not drawn(plot_rows([rows[0] | {"steps": 1}, rows[1] | {"steps": 2}], x="steps"), "line")
    assert not drawn(plot_rows([row("a"), row("b")], x=WEIGHT), "line")


def test_numbers_stand_at_themselves_and_names_in_their_order():
    rows = [row(256), row(None), row(32)]
    ax = plot_rows(rows, x=WEIGHT)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["32", "256", "none"]
    assert plot_rows([row(1e-4), row(1e-2)], x=WEIGHT).get_xscale() == "log"
    assert plot_rows([row(0.0), row(1e-2)], x=WEIGHT).get_xscale() == "linear"


def test_roles_have_their_colours_and_others_keep_theirs_among_fewer():
    arms = ["fine_tune_cot", "mentor", "mentor_kd"]
    rows = [row(0.0, arm=arm) for arm in arms]

    def colors(some):
        ax = plot_rows(some, x=WEIGHT, color="arm", among=rows)
        titles = [text.get_text() for text in ax.get_legend().get_texts()]
        return dict(zip(titles, [m.get_color() for m in ax.get_legend().get_lines()], strict=True))

    everything = colors(rows)
    assert everything["mentor"] == canvas.COLOR["mentor"]
    assert len(set(everything.values())) == 3
    assert colors(rows[2:]) == {"mentor_kd": everything["mentor_kd"]}


def test_colours_stand_side_by_side_at_one_x():
    ax = plot_rows([row(0.0, arm="a"), row(0.0, arm="b")], x=WEIGHT, color="arm")
    figure = canvas.figure_of(ax)
    figure.canvas.draw()
    left, right = (
        line.get_transform().transform(line.get_xydata())[0]
        for line in ax.get_lines()
        if line.get_gid() == "rows"
    )
    assert right[0] - left[0] > 5
    assert right[1] == pytest.approx(left[1])


def test_rows_that_cannot_be_drawn_are_counted_and_named():
    failed = row(0.3) | {"accuracy": None, "error": "MemoryError"}
    other = {name: value for name, value in row(0.0).items() if name != WEIGHT}
    rows = [row(0.0), row(1.0), failed, other, other]
    assert left_out(rows, x=WEIGHT) == {"no accuracy": 1, f"no {WEIGHT}": 2}
    note = plot_rows(rows, x=WEIGHT).get_xlabel()
    assert "not drawn: 1 with no accuracy" in note
    assert f"not drawn: 2 with no {WEIGHT}" in note


def test_nothing_is_cut_off_and_names_from_a_table_are_no_formulas():
    names = ["$x^", "a very long name of a mentor that goes on and on", "_hidden", "c" * 25]
    rows = [row(name, arm=name) for name in names]
    ax = plot_rows(rows, x=WEIGHT, color="arm")
    figure = canvas.figure_of(ax)
    figure.canvas.draw()
    whole, box = figure.bbox, ax.get_tightbbox()
    assert box.x0 >= whole.x0 - 1
    assert box.x1 <= whole.x1 + 1
    assert box.y0 >= whole.y0 - 1
    assert box.y1 <= whole.y1 + 1
    assert len(ax.get_legend().get_texts()) == 4
    texts = [text.get_text().strip() for text in ax.get_xticklabels()]
    assert texts == [r"\$x^", "2: a very long name of a m…", "_hidden", "c" * 25]


def test_only_columns_that_vary_are_axes_and_the_accuracy_is_none():
    assert axes_of(grid()) == [WEIGHT, "arm", "task", "seed"]
    assert axes_of([row(0.0) | {"interval": [1, 2]}, row(0.0, correct=51)]) == []


@pytest.mark.parametrize(
    ("rows", "axes", "said"),
    [
        ([], {"x": WEIGHT}, "got none among 0 rows"),
        ([row(0.0)], {"x": "student.kd_weigth"}, "did you mean 'student.kd_weight'"),
        ([row(0.0) | {"accuracy": math.nan}], {"x": WEIGHT}, "got none among 1 rows"),
        ([row(n) for n in range(13)], {"x": "arm", "color": WEIGHT}, "at most 12 .* got 13"),
        ([row(f"v{n}") for n in range(41)], {"x": WEIGHT}, "at most 40 .* got 41"),
    ],
)
def test_what_no_figure_can_show_is_an_error(rows, axes, said):
    with pytest.raises(ValueError, match=said):
        plot_rows(rows, **axes)


# the widget


def test_it_opens_on_a_setting_by_arm_for_one_task():
    explorer = ablation_explorer(grid(), **BOTH)
    assert (explorer.x.value, explorer.color.value) == (WEIGHT, "arm")
    assert explorer.task.value == "coin_flip"
    assert explorer.chosen == [one for one in grid() if one["task"] == "coin_flip"]
    assert bytes(explorer.picture.value[:4]) == b"\x89PNG"


def test_the_menus_choose_the_rows_that_are_drawn():
    explorer = ablation_explorer(grid(), **BOTH)
    explorer.arms.value = ("fine_tune_cot",)
    explorer.seeds.value = ("1", "2")
    explorer.task.value = "date_understanding"
    expected = [
        one
        for one in grid()
        if (one["task"], one["arm"]) == ("date_understanding", "fine_tune_cot") and one["seed"]
    ]
    assert explorer.chosen == expected
    for one in grid():
        assert (one["key"] in explorer.table.value) == (one in expected)
    explorer.task.value = "all"
    assert len(explorer.chosen) == 2 * len(expected)


def test_a_point_names_its_cell_and_shows_all_that_its_row_holds():
    explorer = ablation_explorer([one | {"note": "a<b>"} for one in grid()], **BOTH)
    before = explorer.picture.value
    explorer.point.index = 4
    assert explorer.shown is explorer.chosen[4]
    assert explorer.picture.value != before  # the circle has moved
    for column, value in explorer.shown.items():
        assert f">{column}</td>" in explorer.card.value
        assert f">{escape(str(value))}</td>" in explorer.card.value
    assert "<b>" not in explorer.card.value
    shown = explorer.shown
    explorer.seeds.value = (str(shown["seed"]),)
    assert explorer.shown is shown  # it is still there, though at another place


def test_the_means_are_listed_with_their_intervals():
    explorer = ablation_explorer(grid(), **BOTH)
    _, low, high = mean_interval([20.0, 21.0, 22.0])  # coin_flip, mentor_kd, weight 0
    assert f">{low:.1f} to {high:.1f}</td>" in explorer.table.value
    explorer.task.value = "all"
    assert "none: different task" in explorer.table.value


def test_an_empty_choice_is_a_sentence_and_can_be_left_again():
    explorer = ablation_explorer(grid(), **BOTH)
    explorer.arms.value = ()
    assert explorer.says.value == "<p>No row fits what is chosen above.</p>"
    assert (explorer.chosen, explorer.shown, explorer.table.value) == ([], None, "")
    assert explorer.picture.layout.display == "none"
    explorer.arms.value = ("mentor_kd",)
    assert len(explorer.chosen) == 9
    assert explorer.picture.layout.display == ""


def test_too_many_colours_are_a_sentence():
    explorer = ablation_explorer(grid(seeds=13), **BOTH)
    explorer.color.value = "seed"
    assert "at most 12 values of colour can be told apart, got 13" in explorer.says.value
    explorer.seeds.value = ("0", "1")
    assert "12 of 156 rows are drawn" in explorer.says.value


def test_text_from_a_table_is_escaped():
    rows = [one | {"arm": f"<script>{one['arm']}"} for one in grid()]
    explorer = ablation_explorer(rows, color="arm", **BOTH)
    assert "<script>" not in explorer.table.value + explorer.card.value + explorer.says.value
    assert "&lt;script&gt;mentor_kd" in explorer.table.value


def test_it_changes_no_row_and_a_changed_row_does_not_change_it():
    rows = grid()
    before = copy.deepcopy(rows)
    explorer = ablation_explorer(rows, **BOTH)
    explorer.x.value, explorer.color.value = "seed", "task"
    assert rows == before
    rows[0]["accuracy"] = 100.0
    assert explorer.rows == before
    assert plt.get_fignums() == []


def test_tables_without_tasks_arms_or_seeds_can_be_explored():
    explorer = ablation_explorer([{"tau": 1, "accuracy": 40.0}, {"tau": 2, "accuracy": 50.0}])
    assert len(explorer.chosen) == 2
    assert "key –" in explorer.point.options[0][0]


def test_the_committed_table_is_drawn_whole_on_every_pair_of_axes():
    rows = results.read_table("tiny_regime")
    explorer = ablation_explorer(rows, **BOTH)
    explorer.task.value = "all"
    assert len(explorer.chosen) == len(rows)
    assert all(str(one["key"]) in explorer.table.value for one in rows)
    explorer.color.value = "nothing"
    for x in explorer.x.options:
        explorer.x.value = x
        assert len(explorer.chosen) == len(rows), x


def test_a_few_hundred_rows_are_drawn_anew_in_a_moment():
    explorer = ablation_explorer(grid(seeds=24), **BOTH)
    seconds = []
    for task in ("all", "coin_flip", "all"):
        start = time.process_time()  # of this process: other work on the machine does not count
        explorer.task.value = task
        seconds.append(time.process_time() - start)
    assert len(explorer.chosen) == 288
    assert min(seconds) < 0.8


@pytest.mark.parametrize(
    ("rows", "axes", "said"),
    [
        ([], {}, "got 0 rows"),
        ([row(0.0)], {}, "a column that varies, got 1 rows"),
        ([{"a": 1}, {"a": 2}], {}, "got 2 rows with the columns a;"),
        (grid(), {"x": "n"}, "must be a column that varies: student.kd_weight, .*got 'n'"),
        (grid(), {"color": "source"}, "got 'source'"),
    ],
)
def test_what_cannot_be_explored_is_an_error(rows, axes, said):
    with pytest.raises(ValueError, match=said):
        ablation_explorer(rows, **axes)
