"""Figures of how students behave: every mark where its rows say."""

import matplotlib as mpl
import pytest

from mkdkit.evaluation.statistics import mean_interval
from mkdkit.pipeline import student_tables
from mkdkit.pipeline.many_seeds import arms_recipe
from mkdkit.show import behaviour
from mkdkit.tasks import arithmetic, procedural

mpl.use("Agg")
pytestmark = pytest.mark.usefixtures("figure_style")


def bins(arm, seed, *pairs):
    chance = {"error by chance": 2.0, "error by chance, at most": 4.0}
    gaps = sum(n * abs(said - right) for said, right, n in pairs) / sum(n for *_, n in pairs)
    return [
        {"arm": arm, "seed": seed, "low": 10.0 * (said // 10), "n": n, "confidence": said}
        | {"accuracy": right, "error": gaps}
        | chance
        for said, right, n in pairs
    ]


def marks(ax, gid):
    return [tuple(xy) for line in ax.lines if line.get_gid() == gid for xy in line.get_xydata()]


def test_every_figure_has_a_table():
    assert behaviour.FIGURES.keys() <= student_tables.TABLES.keys()


def test_bins_of_all_seeds_are_weighed_by_their_answers():
    rows = bins("mentor_kd", 1, (95.0, 90.0, 300), (55.0, 40.0, 100))
    rows += bins("mentor_kd", 2, (95.0, 80.0, 100))
    ax = behaviour.plot_reliability(rows, student_t=mean_interval)
    # (300 * 90 + 100 * 80) / 400
    assert marks(ax, "means") == [(55.0, 40.0), (95.0, 87.5)]
    (rings,) = [one for one in ax.collections if one.get_gid() == "rows"]
    assert len(rings.get_offsets()) == 3


def test_the_legend_has_the_mean_error_over_seeds():
    rows = bins("mentor_kd", 1, (90.0, 80.0, 10)) + bins("mentor_kd", 2, (90.0, 76.0, 10))
    ax = behaviour.plot_reliability(rows, student_t=mean_interval)
    (text,) = [text.get_text() for text in ax.get_legend().get_texts()]
    assert text.startswith("mentor_kd: 12.0 [")  # of 10 and 14
    assert text.endswith("by chance up to 4.0")


def test_agreement_stands_at_the_mean_of_the_seeds():
    rows = [
        {"arm": arm, "seed": seed, "same_wrong_share": share, "by_chance": 1.5}
        for arm, shares in {"fine_tune_cot": (20.0, 30.0), "mentor_kd": (40.0, 50.0)}.items()
        for seed, share in enumerate(shares)
    ]
    ax = behaviour.plot_agreement(rows, student_t=mean_interval)
    assert marks(ax, "means") == [(25.0, 0.0), (45.0, 1.0)]


def test_cost_stands_at_mean_work_and_names_the_seconds():
    rows = [
        {"arm": "mentor_kd", "seed": seed, "teraflop": work, "seconds": 100.0 * seed}
        | {"accuracy": 60.0 + seed, "n": 500}
        for seed, work in enumerate((1.0, 2.0, 3.0), start=1)
    ]
    ax = behaviour.plot_cost(rows, student_t=mean_interval)
    assert marks(ax, "means") == [(2.0, 62.0)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["mentor_kd (200 s)"]


def texts_of_training():
    """Questions as the recipe of the table asks them."""
    asked = arms_recipe("multi_step_arithmetic", 1).questions
    return [question.text for question in procedural.make_splits(asked).train]


def test_steps_are_an_axis_and_the_learnt_number_is_marked():
    rows = [
        {"task": "multi_step_arithmetic", "arm": "mentor_kd", "seed": seed, "key": "k"}
        | {"question_steps": steps}
        | {"accuracy": 100.0 / steps + seed, "n": 200, "correct": 1}
        for seed in (1, 2)
        for steps in student_tables.STEPS
    ]
    ax = behaviour.plot_steps(rows, student_t=mean_interval)
    assert [x for x, _ in marks(ax, "means")] == list(student_tables.STEPS)
    learnt = {len(puzzle.changes) for puzzle in map(arithmetic.read, texts_of_training())}
    assert any(set(line.get_xdata()) == learnt for line in ax.lines)


@pytest.mark.parametrize("name", behaviour.FIGURES)
def test_without_rows_there_is_no_figure(name):
    with pytest.raises(ValueError, match="needs rows, got none"):
        behaviour.FIGURES[name]([], student_t=mean_interval)


def test_one_seed_is_drawn_without_an_interval():
    rows = [{"arm": "mentor_kd", "seed": 1, "same_wrong_share": 40.0, "by_chance": 1.5}]
    assert marks(behaviour.plot_agreement(rows, student_t=mean_interval), "means") == [(40.0, 0.0)]
    ax = behaviour.plot_reliability(bins("a", 1, (90.0, 80.0, 10)), student_t=mean_interval)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "a: 10.0, by chance up to 4.0"
    ]
