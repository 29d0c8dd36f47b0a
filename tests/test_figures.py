"""Figures: what is drawn where, nothing cut off, the same bytes twice, smoke runs marked."""

import itertools
import math
import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from mkdkit.show import (
    canvas,
    closeups,
    figures,
    method,
    playground,
    published,
    published_tables,
    tables,
)
from mkdkit.tasks import catalogue

mpl.use("Agg")
LONG_ARMS = ["base_few_shot_cot", "mentor_kd_no_soft_labels", "mentor"]


@pytest.fixture(autouse=True)
def style(monkeypatch):
    monkeypatch.delenv("MKDKIT_PROFILE", raising=False)
    with plt.style.context([figures.STYLE, {"savefig.dpi": 50}]):  # small files: quick tests
        yield
    plt.close("all")


def draw_accuracies():
    return figures.plot_accuracies(
        {"teacher": [80.0], LONG_ARMS[0]: [10.0, 20.0, 33.0], LONG_ARMS[1]: [100.0]},
        intervals={"teacher": (70.0, 90.0), LONG_ARMS[0]: (5.0, 37.0)},
        chance=25.0,
        chance_label="majority answer",
        xlabel="share of published teacher rationales that are read as right (%)",  # long
    )


def draw_ablation():
    ax = figures.plot_ablation(
        [0.0, 0.5, 1.0],
        {0: [10.0, 20.0, 30.0], 1: [20.0, 40.0, 60.0]},
        xlabel="soft-label weight λ",
        chosen=0.5,
        intervals=[(5.0, 25.0), (10.0, 50.0), (20.0, 70.0)],
        baseline=("fine_tune_cot", 12.0),
    )
    return figures.add_published(ax, published.KD_WEIGHT["tracking_shuffled_objects"])


COUNTS = {"kept": 60, "no answer": 10, "wrong answer": 30, "cannot be encoded": 0}
MISTAKES = {
    "base_few_shot_cot": {"no answer": 90, "lost state": 1234, "right on flawed reasoning": 0},
    "mentor_kd": {"no answer": 0, "lost state": 324, "right on flawed reasoning": 1000},
}
TOKENS = [" Ann", " has", " 12", " apples", ",", " 12", " -", " 5", " =", " 7", "."]
BLOCK = np.linspace(-0.1, 0.1, 64)
PRETRAINED = {
    size: {
        "parameters": parameters,
        "curve": [[1_000_000, 60, 4.0], [2_000_000, 120, 1.0]],
        "probes": [{"accuracy": {"one_swap": 20.0, "copying": right}}],
    }
    for size, parameters, right in (("student", 976_000, 50.0), ("mentor", 4_230_000, 90.0))
}
DRAWN = {
    "training": lambda: figures.plot_training(
        {"mentor": [3.0, 2.0, 1.0], "full": [3.0, 1.0, 0.5]},
        validations={"mentor": {1: 10.0, 3: 60.0}},
    ),
    "training, loss alone": lambda: figures.plot_training({"student": [3.0, 2.0, 1.0]}),
    "funnel": lambda: figures.plot_funnel(COUNTS, source="mentor"),
    "lengths": lambda: figures.plot_lengths({"teacher": [3, 4, 4], "student": []}, limit=9),
    "length bars": lambda: figures.plot_length_bars(
        {"teacher": [0, 3, 1], "mentor": [4, 4, 0]}, width=10, medians={"teacher": 14, "mentor": 9}
    ),
    "coverage": lambda: figures.plot_coverage([1, 2], {"at least one is right": [80.0, 95.0]}),
    "accuracies": draw_accuracies,
    "differences": lambda: figures.plot_differences(
        {LONG_ARMS[1]: -3.5, "mentor_kd": 12.0, "answer_only": -8.0},
        {LONG_ARMS[1]: (-9.0, 2.0), "mentor_kd": (4.0, 20.0), "answer_only": (-12.0, -1.0)},
        baseline="fine_tune_cot",
    ),
    "seed differences": lambda: figures.plot_seed_differences(
        {"coin_flip": [3.0, 5.0, 1.0], "date_understanding": [-1.0, 1.0, 0.5]},
        intervals={"coin_flip": (0.5, 5.5), "date_understanding": (-2.0, 2.3)},
        p_values={"coin_flip": 0.25, "date_understanding": 1.0},
        xlabel="mentor_kd minus fine_tune_cot_equal_steps (points)",
    ),
    "error kinds": lambda: figures.plot_error_kinds(MISTAKES),
    "pretraining": lambda: figures.plot_pretraining(PRETRAINED),
    "ablation": draw_ablation,
    "ablation over names": lambda: figures.plot_ablation(
        ["small", "base"], {0: [50.0, 60.0]}, xlabel="mentor", chosen="base"
    ),
    "published": figures.plot_published,
    "soft label": lambda: figures.plot_soft_label(
        [" 7", " $5", "\n"],
        {1.0: [0.7, 0.2, 0.05], 2.0: [0.5, 0.2, 0.1]},
        {1.0: [0.4, 0.3, 0.1], 2.0: [0.3, 0.2, 0.1]},
        label=" 7",
    ),
    "draws": lambda: figures.plot_draws(
        [" 7", " $5", "\n"],
        {0.5: [0.7, 0.2, 0.05], 1.5: [0.5, 0.2, 0.1]},
        {0.5: [0.71, 0.2, 0.05], 1.5: [0.48, 0.2, 0.1]},
    ),
    "token KL": lambda: figures.plot_token_kl(TOKENS * 6, [0.1 * n for n in range(66)]),
    "token KL, gains and losses": lambda: figures.plot_token_kl(
        TOKENS * 6, [0.1 * n - 2 for n in range(66)]
    ),
    "push": lambda: playground.plot_weighed(
        playground.weigh([1, 0, 0], [0, 0, 1], 0, kd_weight=0.5, temperature=1.0),
        ["7", " $5", "\n"],
        0,
    ),
    "rewarded": lambda: playground.plot_rewarded([1, 8, 2, 0.2, 0.02, 0.2, 1, 4, 1]),
    "memory": lambda: figures.plot_memory(
        {"full": {"weights": 2.0, "gradients": 2.0}, "QLoRA": {"weights": 0.5, "adapter": 0.1}}
    ),
    "NF4 block": lambda: figures.plot_nf4_block(BLOCK, BLOCK.round(2)),
    "method": figures.plot_method,
}


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_saved_is_cut_off(name, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "FIGURES", tmp_path)
    figures.save(DRAWN[name](), "whole")
    ink = plt.imread(tmp_path / "whole.png")[..., :3] < 1
    assert ink.any()
    assert not any(edge.any() for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_numbers_give_the_same_files(name, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "FIGURES", tmp_path)
    found = []
    for _ in range(2):
        figures.save(DRAWN[name](), "twice")
        found.append([(tmp_path / f"twice.{kind}").read_bytes() for kind in ("png", "svg")])
    assert found[0] == found[1]
    assert b"<dc:date>" not in found[0][1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["twice.png", "twice.svg"]


@pytest.mark.parametrize("name", DRAWN)
def test_a_smoke_run_is_stamped_once_and_saved_elsewhere(name, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(canvas, "SMOKE_FIGURES", tmp_path / "elsewhere")
    assert stamps(DRAWN[name]()) == 0
    monkeypatch.setenv("MKDKIT_PROFILE", "smoke")
    ax = DRAWN[name]()
    figures.save(ax, "tried")
    assert stamps(ax) == 1
    assert [path.parent.name for path in tmp_path.rglob("tried.png")] == ["elsewhere"]


def stamps(ax) -> int:
    return [text.get_text() for text in canvas.figure_of(ax).texts].count(canvas.STAMP)


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_is_cut_off_at_the_size_of_a_slide_and_the_figure_stays_as_it_was(
    name, tmp_path, monkeypatch
):
    monkeypatch.setattr(canvas, "FIGURES", tmp_path)
    ax = DRAWN[name]()
    figure = canvas.figure_of(ax)
    figure.canvas.draw()
    letters, lines = figure.findobj(mpl.text.Text), figure.findobj(mpl.lines.Line2D)
    broad = figure.findobj(mpl.collections.PathCollection)

    def sizes():
        drawn = [(line.get_linewidth(), line.get_markersize()) for line in lines]
        drawn += [(*one.get_linewidth(), *one.get_sizes()) for one in broad]
        return [text.get_fontsize() for text in letters], drawn, [*figure.get_size_inches()]

    before = sizes()
    figures.save(ax, "slide", scale=1.5)
    ink = plt.imread(tmp_path / "slide.png")[..., :3] < 1
    assert not any(edge.any() for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert sizes() == before


def test_on_a_slide_letters_are_larger_by_the_scale(tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "FIGURES", tmp_path)
    with plt.rc_context({"svg.fonttype": "none"}):  # letters as letters, with their sizes
        figures.save(DRAWN["coverage"](), "paper", formats=["svg"])
        figures.save(DRAWN["coverage"](), "slide", scale=1.5, formats=["svg"])
    sizes = {}
    for name in ("paper", "slide"):
        found = re.findall(r"font-size: ([\d.]+)px", (tmp_path / f"{name}.svg").read_text())
        sizes[name] = sorted(map(float, found))
    assert sizes["paper"]
    assert max(sizes["slide"]) == pytest.approx(1.5 * max(sizes["paper"]))
    assert min(sizes["slide"]) == pytest.approx(1.5 * min(sizes["paper"]))


def test_a_pdf_is_made_on_request_and_is_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "FIGURES", tmp_path)
    found = []
    for _ in range(2):
        figures.save(DRAWN["coverage"](), "paper", formats=["pdf"])
        found.append((tmp_path / "paper.pdf").read_bytes())
    assert found[0] == found[1]
    assert found[0].startswith(b"%PDF")
    assert [path.name for path in tmp_path.iterdir()] == ["paper.pdf"]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"formats": ["gif"]}, "png, svg, pdf, got gif"), ({"scale": 0}, "above 0, got 0")],
)
def test_another_format_or_no_scale_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        figures.save(DRAWN["coverage"](), "figure", **options)


@pytest.mark.parametrize("name", ["../up", "a/b", "picture.png", ""])
def test_a_figures_name_cannot_leave_the_folder(name):
    with pytest.raises(ValueError, match="letters, digits and underscores"):
        figures.save(DRAWN["coverage"](), name)


def test_the_loss_is_smoothed_over_the_last_steps():
    ax = figures.plot_training({"mentor": [4.0, 2.0, 9.0]}, window=2)
    raw, smooth = ax.lines
    assert list(raw.get_ydata()) == [4.0, 2.0, 9.0]
    assert list(smooth.get_ydata()) == [4.0, 3.0, 5.5]  # (4), (4 + 2) / 2, (2 + 9) / 2
    assert list(smooth.get_xdata()) == [1, 2, 3]


def test_the_funnel_loses_each_reason_in_turn():
    ax = figures.plot_funnel(COUNTS)
    left = {bar.get_width() for bar in ax.patches if bar.get_x() == 0}
    assert left == {100, 90, 60}  # all read; after "no answer"; after "wrong answer", and kept
    assert [label.get_text() for label in ax.get_yticklabels()][1:] == [*list(COUNTS)[1:], "kept"]
    notes = [text.get_text() for text in ax.texts]
    assert notes == ["100", "−10 (10.0%)", "−30 (30.0%)", "0 (0.0%)", "60 (60.0%)"]


def test_an_empty_funnel_is_drawn():
    ax = figures.plot_funnel({"kept": 0, "duplicate": 0})
    assert [text.get_text() for text in ax.texts] == ["0", "0", "0"]


def test_lengths_are_shares_in_bins_of_whole_numbers():
    ax = figures.plot_lengths({"teacher": [1, 1, 1, 3], "mentor": list(range(90))})
    heights = [patch.get_xy()[:, 1].max() for patch in ax.patches]
    assert heights[0] == pytest.approx(75.0)  # three of four, lengths 0-2 or 1-1 in one bin
    assert heights[1] == pytest.approx(100 * 3 / 90)  # every bin holds three whole lengths


def test_accuracies_show_mean_interval_and_every_seed():
    ax = draw_accuracies()
    drawn = {tuple(np.asarray(line.get_xdata(), dtype=float)) for line in ax.lines}
    assert {(80.0,), (10.0, 20.0, 33.0), (21.0,), (100.0,), (70.0, 90.0), (5.0, 37.0)} <= drawn
    assert [text.get_text() for text in ax.texts][:3] == ["80.0", "21.0", "100.0"]
    assert ax.get_xlim() == (0, 100)


def test_a_difference_is_filled_only_if_its_interval_leaves_zero_out():
    ax = DRAWN["differences"]()
    markers = {
        line.get_xdata()[0]: line.get_fillstyle() for line in ax.lines if line.get_marker() == "o"
    }
    assert markers == {-3.5: "none", 12.0: "full", -8.0: "full"}
    assert ax.get_xlim()[0] == -ax.get_xlim()[1]  # zero in the middle


def test_an_ablation_draws_the_mean_over_seeds():
    ax = draw_ablation()
    assert list(ax.lines[0].get_ydata()) == [15.0, 30.0, 45.0]
    assert list(ax.lines[-1].get_ydata()) == list(
        published.KD_WEIGHT["tracking_shuffled_objects"].accuracies
    )


def test_published_curves_are_shaded_by_what_one_run_leaves_open():
    ax = figures.plot_published("last_letter_concatenation")
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    # by hand: 150 questions, degree 1 at 56.00%: 196 sqrt(.56 * .44 / 150) = 7.94 points
    assert 56.00 - 7.94 in np.round(heights, 2)
    assert 56.00 + 7.94 in np.round(heights, 2)


def test_an_ablation_refuses_a_seed_with_a_value_missing():
    with pytest.raises(ValueError, match="one accuracy for each of the 2 values, seed 7 has 1"):
        figures.plot_ablation([0.1, 0.2], {7: [50.0]}, xlabel="λ")


def test_soft_labels_show_what_is_left_to_all_other_tokens():
    ax = figures.plot_soft_label([" 7", " 8"], {1.0: [0.7, 0.2]}, {1.0: [0.25, 0.5]}, label=" 7")
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == pytest.approx([0.7, 0.2, 0.1, 0.25, 0.5, 0.25])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["► ␣7", "␣8", closeups.REST]


def test_published_accuracies_are_compared_in_questions():
    assert published.questions_right(82.67, "tracking_shuffled_objects") == pytest.approx(
        186.01, 1e-4
    )
    rows = published.compare("fine_tune_cot", "mentor_kd")
    assert len(rows) == 4 * len(published.COLUMNS)
    [row] = [
        row
        for row in rows
        if (row["student"], row["task"]) == ("Flan-T5-small", "tracking_shuffled_objects")
    ]
    # 142 / 225 = 63.11%, 186 / 225 = 82.67%
    assert (row["n"], row["fine_tune_cot"], row["mentor_kd"]) == (225, 142, 186)


def test_arms_that_never_differ_can_be_drawn(recwarn):
    ax = figures.plot_differences({"mentor_kd": 0.0}, {"mentor_kd": (0.0, 0.0)}, baseline="base")
    assert ax.get_xlim() == pytest.approx((-1.08, 1.08))
    assert not recwarn.list


def test_draws_are_set_on_the_bars_they_should_reach():
    ax = figures.plot_draws([" 7", " 8"], {1.0: [0.7, 0.2]}, {1.0: [0.75, 0.25]})
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.7, 0.2, 0.1])
    assert list(ax.lines[0].get_xdata()) == pytest.approx([0.75, 0.25, 0.0])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["␣7", "␣8", closeups.REST]


def test_tokens_are_set_in_lines_without_losing_one():
    ax = figures.plot_token_kl(TOKENS, [1.0] * len(TOKENS), width=12)
    boxes = [(patch.get_y(), patch.get_x(), patch.get_width()) for patch in ax.patches]
    assert [width for _, _, width in boxes] == [len(token) for token in TOKENS]
    assert all(x + width <= 12 for _, x, width in boxes)
    assert boxes == sorted(boxes)
    lines = {y: min(x for other, x, _ in boxes if other == y) for y, _, _ in boxes}
    assert lines == {0: 0, 1: 0, 2: 0}  # 24 characters in lines of 12, broken between tokens


def test_a_darker_token_has_a_larger_value():
    ax = figures.plot_token_kl(["a", "b", "c"], [0.0, 1.0, 2.0])
    light = [sum(patch.get_facecolor()[:3]) for patch in ax.patches]
    assert light == sorted(light, reverse=True)
    assert len(set(light)) == 3


def test_tokens_and_values_must_be_as_many():
    with pytest.raises(ValueError, match="got 2 tokens and 1 values"):
        figures.plot_token_kl(["a", "b"], [1.0])


def test_memory_is_stacked_to_its_total():
    ax = DRAWN["memory"]()
    ends = {round(bar.get_x() + bar.get_width(), 9) for bar in ax.patches}
    assert {4.0, 0.6} <= ends
    assert {text.get_text() for text in ax.texts} == {"4", "0.6"}


def test_the_error_of_a_4_bit_block_is_the_difference():
    block = [0.1, -0.2, 0.3, 0.4]
    ax = figures.plot_nf4_block(block, [0.1, -0.25, 0.25, 0.4], columns=2)
    panels = [a for a in canvas.figure_of(ax).axes if a.images]
    assert np.allclose(panels[2].images[0].get_array(), [[0.0, -0.05], [-0.05, 0.0]])
    assert panels[0].images[0].get_clim() == panels[1].images[0].get_clim()
    assert panels[2].get_xlabel() == "mean 10.0% of a weight"  # 0.025 of 0.25


@pytest.mark.parametrize("restored", [BLOCK[:8], BLOCK[:63]])
def test_blocks_of_two_sizes_are_refused(restored):
    with pytest.raises(ValueError, match="both blocks must have one size"):
        figures.plot_nf4_block(BLOCK, restored)


def test_kinds_of_mistakes_are_counted_beside_their_bars():
    ax = figures.plot_error_kinds(MISTAKES)
    assert [bar.get_width() for bar in ax.patches] == [90, 1234, 0, 0, 324, 1000]
    assert [text.get_text() for text in ax.texts] == ["90", "1,234", "0", "0", "324", "1,000"]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(MISTAKES["mentor_kd"])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["base_few_shot_cot (1,324)", "mentor_kd (1,324)"]
    tops = [bar.get_y() + bar.get_height() / 2 for bar in ax.patches]
    assert all(upper < lower for upper, lower in zip(tops[:3], tops[3:], strict=True))
    assert ax.yaxis_inverted()


def test_kinds_of_one_arm_or_of_unlike_ones_are_refused():
    with pytest.raises(ValueError, match="two arms with the same kinds"):
        figures.plot_error_kinds({"mentor_kd": {"right": 1}})
    with pytest.raises(ValueError, match="two arms with the same kinds"):
        figures.plot_error_kinds({"mentor_kd": {"right": 1}, "mentor": {"other": 1}})


def test_a_role_has_one_colour_everywhere():
    assert figures.role_of("mentor") == "mentor"
    assert figures.role_of("base_zero_shot") == "base"
    assert figures.role_of("mentor_vote") == "mentor"
    assert figures.role_of("mentor_kd_vote") == "student"
    assert figures.role_of("self_mentor") == "student"  # an arm is a student, unless it says so
    assert canvas.colors(["mentor", "LoRA", "student", "QLoRA"]) == [
        canvas.COLOR["mentor"],
        canvas.OTHERS[0],
        canvas.COLOR["student"],
        canvas.OTHERS[1],
    ]


SEEN_BY = {  # linear RGB as it is seen: Machado, Oliveira and Fernandes (2009), severity 1
    "everybody": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopes": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip


def lab(color: str, seen: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of a colour as somebody sees it."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
              for v in mpl.colors.to_rgb(color)]  # fmt: skip
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(seen @ linear, 0, 1) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("who", SEEN_BY)
@pytest.mark.parametrize("shown", [canvas.COLOR, playground.PARTS], ids=["roles", "parts"])
def test_colours_that_stand_in_one_figure_are_told_apart_by(who, shown):
    for one, other in itertools.combinations(shown.values(), 2):
        distance = np.linalg.norm(lab(one, SEEN_BY[who]) - lab(other, SEEN_BY[who]))
        assert distance > 20, f"{one} and {other}: {distance:.0f}"  # 2.3 is just noticeable


def luminance(color: str) -> float:
    parts = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4
        for v in mpl.colors.to_rgb(color)
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]  # WCAG 2.1


@pytest.mark.parametrize("page", ["#ffffff", "#0d1117"])
def test_the_methods_words_are_legible_on_light_and_dark_pages(page):
    light, dark = sorted([luminance(page), luminance(method.INK)], reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 4
    assert canvas.figure_of(figures.plot_method()).get_facecolor()[3] == 0  # the page shows through


def test_the_methods_words_do_not_overlap():
    ax = figures.plot_method()
    canvas.figure_of(ax).canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in ax.texts if t.get_text()]
    for i, (text, box) in enumerate(boxes):
        for other, other_box in boxes[i + 1 :]:
            assert not box.overlaps(other_box), f"{text!r} overlaps {other!r}"


# The published numbers, checked by what ties them together


def test_published_accuracies_are_whole_numbers_of_questions():
    rows = {**published.TABLE_2, **published.TABLE_3}
    odd = []
    for name, row in rows.items():
        for task, accuracy in zip(published.COLUMNS, row, strict=True):
            questions = accuracy * published.TEST_QUESTIONS[task] / 100
            if abs(questions - round(questions)) > 0.07:  # two decimals of a percent
                odd.append((name, task))
    assert odd == [(("T5-large", "mentor"), "svamp")]  # the one exception, the paper's own


@pytest.mark.parametrize(
    "lines",
    [published.DEGREE, published.DATA_SHARE, published.DATA_SHARE_VANILLA, published.KD_WEIGHT],
)
def test_published_lines_are_whole_numbers_of_questions(lines):
    for task, line in lines.items():
        for accuracy in line.accuracies:
            questions = accuracy * published.TEST_QUESTIONS[task] / 100
            assert questions == pytest.approx(round(questions), abs=0.1)


def test_published_lines_meet_the_tables():
    for task in ("tracking_shuffled_objects", "last_letter_concatenation"):
        column = published.COLUMNS.index(task)
        vanilla = published.TABLE_3["Flan-T5-small", "fine_tune_cot"][column]
        full = published.TABLE_3["Flan-T5-small", "mentor_kd"][column]
        assert published.VANILLA[task] == vanilla
        assert published.KD_WEIGHT[task].accuracies[0] == vanilla  # so its λ = 0 has no mentor
        assert published.DATA_SHARE_VANILLA[task].accuracies[-1] == vanilla
        assert published.DATA_SHARE[task].accuracies[-1] == full
        assert published.MENTOR_SIZE[task].accuracies[2] == full


@pytest.mark.parametrize(
    ("model", "arm", "mean"),
    [
        ("T5-small", "fine_tune_cot", 39.98),
        ("T5-small", "mentor_kd", 48.94),
        ("Flan-T5-small", "mcc_kd", 40.14),
        ("Flan-T5-base", "mentor_kd", 57.94),
        ("Flan-T5-large", "mentor", 60.34),
    ],
)
def test_published_rows_have_their_known_mean(model, arm, mean):
    row = {**published.TABLE_2, **published.TABLE_3}[model, arm]
    assert np.mean(row) == pytest.approx(mean, abs=0.005)


def test_annotators_have_a_bar_for_every_task_and_chance_beside_their_students():
    left = figures.plot_annotators()
    for ax, half in zip(
        left.figure.axes, (published.ANNOTATORS, published.ANNOTATORS_STUDENTS), strict=True
    ):
        drawn = [tuple(bar.get_height() for bar in bars) for bars in ax.containers
                 if hasattr(bars, "patches")]  # fmt: skip
        assert drawn == list(half.values())
        widths = [one for one in ax.containers if not hasattr(one, "patches")]
        assert len(widths) == (len(half) if half is published.ANNOTATORS_STUDENTS else 0)


def test_students_of_annotators_have_whole_numbers_of_questions():
    for row in published.ANNOTATORS_STUDENTS.values():
        for accuracy, task in zip(row, published.ANNOTATED, strict=True):
            questions = published.questions_right(accuracy, task)
            assert questions == pytest.approx(round(questions), abs=0.1)


def test_the_tables_of_ablations_meet_the_main_table_and_the_figures():
    main = {row["arm"]: row for row in published_tables.rows(3) if row["model"] == "Flan-T5-small"}
    full, *parts = [row for row in published_tables.rows(4) if row["model"] == "Flan-T5-small"]
    shares = {row["training questions"]: row for row in published_tables.rows(5)[1:]}
    for task in published_tables.COLUMNS_45:
        assert full[task] == main["mentor_kd"][task] == shares["100%"][task]
        assert parts[1][task] == published.KD_WEIGHT_0[task]
        line = published.DATA_SHARE[task]
        by_share = dict(zip(line.values, line.accuracies, strict=True))
        assert (shares["80%"][task], shares["40%"][task]) == (by_share[80], by_share[40])
    small = published_tables.TABLE_4["T5-small", "mentor_kd"]
    assert small == tuple(published.TABLE_2["T5-small", "mentor_kd"][n] for n in (4, 6))


@pytest.mark.parametrize(("arm", "mean"), [("fine_tune_cot", 40.66), ("mcc_kd", 42.13),
                                           ("mentor_kd", 44.12)])  # fmt: skip
def test_the_largest_student_has_its_known_mean(arm, mean):
    row = published_tables.TABLE_1["Flan-T5-XL", arm]
    assert np.mean(row) == pytest.approx(mean, abs=0.006)


def test_there_is_no_sixth_table_of_accuracies():
    with pytest.raises(ValueError, match="1 to 5, got 6"):
        published_tables.rows(6)


def test_published_test_sets_are_those_of_the_catalogue():
    for task, questions in published.TEST_QUESTIONS.items():
        assert catalogue.find(task).test_size in (questions, None)


@pytest.mark.parametrize(
    ("task", "points"),
    [("strategy_qa", 3.7), ("svamp", 8.0), ("date_understanding", 9.3), ("gsm8k", 3.8)],
)
def test_the_published_interval_of_one_run_near_half(task, points):
    assert published.half_width(50, task) == pytest.approx(points, abs=0.05)


def test_seed_differences_show_mean_and_p_value_beside_each_task():
    ax = DRAWN["seed differences"]()
    assert [text.get_text() for text in ax.texts] == ["+3.0, p = 0.250", "+0.2, p = 1.000"]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "coin flip",
        "date understanding",
    ]


def test_pretraining_has_millions_of_tokens_below_and_the_best_known_skill_on_top():
    left, right = DRAWN["pretraining"]().figure.axes
    assert [list(line.get_xdata()) for line in left.lines] == [[1, 2], [1, 2]]
    assert [label.get_text() for label in right.get_yticklabels()] == ["copying", "one swap"]
    assert [list(line.get_xdata()) for line in right.lines] == [[50, 20], [90, 20]]


def test_what_a_base_read_on_follows_what_it_had_read():
    once = PRETRAINED["student"]
    ax = figures.plot_pretraining({"student": {**once, "before": once}})
    (line,) = ax.lines
    assert list(line.get_xdata()) == [1, 2, 3, 4]
    assert list(line.get_ydata()) == 2 * [loss for _, _, loss in once["curve"]]


def test_length_bars_show_shares_and_say_where_the_last_one_begins():
    ax = figures.plot_length_bars({"teacher": [1, 2, 1]}, width=10, medians={"teacher": 15})
    heights, edges, _ = ax.patches[0].get_data()
    assert heights.tolist() == [25.0, 50.0, 25.0]
    assert edges.tolist() == [0, 10, 20, 30]
    assert "20 or more" in ax.get_xlabel()


def test_a_cell_that_failed_leaves_a_gap_in_the_band():
    ax = figures.plot_ablation(
        [0.0, 0.3, 0.6],
        {0: [math.nan, 60.0, 62.0]},
        xlabel="λ",
        intervals=[None, (50.0, 70.0), (52.0, 72.0)],
    )
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (50.0, 72.0)


def test_small_numbers_are_written_as_numbers():
    ax = figures.plot_seed_differences(
        {"coin_flip": [1.0] * 12},
        intervals={"coin_flip": (1.0, 1.0)},
        p_values={"coin_flip": 2 / 4096},
        xlabel="points",
    )
    assert [text.get_text() for text in ax.texts] == ["+1.0, p < 0.001"]
    assert tables.text_of(-0.04) == "0.0"
    assert tables.text_of((None, 3.0)) == f"{tables.DASH} to 3.0"
