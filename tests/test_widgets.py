"""Widgets show what they are set to, and nothing else changes."""

import json

import pytest

from mkdkit import events
from mkdkit.filters import filter_rationales
from mkdkit.records import Question, Rationale
from mkdkit.settings import FilterSettings
from mkdkit.show import cards
from mkdkit.show.widgets import filter_bench, rationale_browser, training_monitor
from mkdkit.tasks.catalogue import find

PENS = Question("pens", "Mia has 3 pens and gets 4. How many has she?", "7")
CARDS = Question("cards", "Tom has 9 cards & loses 2. How many are left?", "7")
RIGHT = Rationale("pens", "3 + 4 = 7.", "7", "teacher", True)
FALSE = Rationale("pens", "3 + 4 = 8.", "8", "teacher", False)
SILENT = Rationale("cards", "Tom has 9.", None, "teacher", False)


def test_it_opens_on_the_first_rationale_of_the_first_question():
    question, number, card = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE]).children
    assert question.value == "pens"
    assert list(number.options) == ["1: right", "2: wrong"]
    assert card.value == cards.rationale_card(PENS, RIGHT).data


def test_the_menus_select_the_card():
    question, number, card = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE]).children
    number.index = 1
    assert card.value == cards.rationale_card(PENS, FALSE).data
    question.value = "cards"
    assert list(number.options) == ["1: no answer"]
    assert card.value == cards.rationale_card(CARDS, SILENT).data
    question.value = "pens"  # from number 1 to number 1: the card must still change
    assert card.value == cards.rationale_card(PENS, RIGHT).data


def test_slips_are_marked_for_a_task_with_a_process_check():
    task = find("multi_step_arithmetic")
    *_, number, card = rationale_browser([PENS], [RIGHT, FALSE], task=task).children
    assert "<mark" not in card.value
    number.index = 1
    assert "<mark" in card.value


def test_questions_without_a_rationale_are_not_in_the_menu():
    question, *_ = rationale_browser([CARDS, PENS], [RIGHT]).children
    assert [value for _, value in question.options] == ["pens"]


def test_texts_are_escaped():
    *_, card = rationale_browser([CARDS], [SILENT]).children
    assert "9 cards &amp; loses" in card.value


def test_rationales_of_other_questions_are_an_error():
    with pytest.raises(ValueError, match="got 1 questions and 2 rationales that answer none"):
        rationale_browser([CARDS], [RIGHT, FALSE])


# the filter bench


def bench_of(rationales, **options):
    task = find("multi_step_arithmetic")
    return filter_bench([PENS, CARDS], rationales, task=task, **options)


def controls(bench):
    switches, sliders = bench.children[0].children
    return {one.description: one for one in (*switches.children, *sliders.children)}


SLIPPED = Rationale("pens", "3 + 5 = 7. Then 3 + 4 = 7.", "7", "teacher", True)
WRITTEN = [RIGHT, FALSE, SILENT, RIGHT, SLIPPED]


def test_a_bench_opens_with_what_the_papers_filter_keeps():
    bench = bench_of(WRITTEN)
    assert bench.settings == FilterSettings(max_tokens=512)
    assert bench.filtered.kept == [RIGHT, SLIPPED]
    assert "2 of 5 are kept (40.0%); of the kept, 100.0%" in bench.children[1].value


@pytest.mark.parametrize(
    ("control", "value", "kept"),
    [
        ("right answers only", False, [RIGHT, FALSE, SILENT, SLIPPED]),
        ("no slip found in the reasoning", True, [RIGHT]),
        ("nothing twice", False, [RIGHT, RIGHT, SLIPPED]),
        ("per question at most", 1, [RIGHT]),
        ("tokens at most", 12, [RIGHT]),
    ],
)
def test_every_rule_can_be_turned(control, value, kept):
    bench = bench_of(WRITTEN, count_tokens=lambda question, one: len(one.text))
    controls(bench)[control].value = value
    assert bench.filtered.kept == kept


def test_what_a_bench_is_set_to_keeps_the_same_outside_of_it():
    bench = bench_of(WRITTEN, count_tokens=lambda question, one: len(one.text))
    controls(bench)["no slip found in the reasoning"].value = True
    controls(bench)["right answers only"].value = False
    again = filter_rationales(
        WRITTEN,
        questions=[PENS, CARDS],
        task=find("multi_step_arithmetic"),
        settings=bench.settings,
    )
    assert again == bench.filtered


def test_a_slider_at_its_end_is_no_limit_or_that_of_the_start():
    for start, expected in ((512, 512), (None, None), (12, None)):
        settings = FilterSettings(max_tokens=start)
        length = {"count_tokens": lambda question, one: len(one.text)}
        bench = bench_of(WRITTEN, settings=settings, **length)
        assert bench.settings == settings  # nothing was turned
        slider = controls(bench)["tokens at most"]
        slider.value = slider.max - 1
        slider.value = slider.max
        assert bench.settings.max_tokens == expected


def test_what_the_last_change_dropped_is_shown_and_escaped():
    marked = Rationale("cards", "9 - 2 = <b>7</b>.", "7", "teacher", True)
    bench = bench_of([RIGHT, marked, SLIPPED])
    controls(bench)["per question at most"].value = 1
    assert "dropped 1 and brought back 0" in bench.children[1].value
    assert "just dropped: over the limit" in bench.children[1].value
    controls(bench)["per question at most"].value = 2
    assert "dropped 0 and brought back 1" in bench.children[1].value
    assert "<b>7</b>" not in bench.children[1].value


def test_a_flaw_that_was_just_dropped_is_marked():
    bench = bench_of(WRITTEN)
    controls(bench)["no slip found in the reasoning"].value = True
    assert "<mark" in bench.children[1].value
    assert "slip: " in bench.children[1].value


def test_nothing_to_filter_is_an_error():
    with pytest.raises(ValueError, match="needs rationales to filter"):
        bench_of([])


def test_a_bench_refuses_rationales_of_other_questions():
    with pytest.raises(ValueError, match="answers question 'cards', which is not given"):
        filter_bench([PENS], [SILENT], task=find("multi_step_arithmetic"))


# the training monitor


def step(number, **fields):
    usual = {"number": number, "loss": 2.0, "learning_rate": 1e-3, "scored_tokens": 300}
    return usual | {"seconds": 0.5, "validation": None, "steps": 4, "peak_gib": 1.5} | fields


def write_steps(folder, *steps, half=""):
    lines = "".join(json.dumps(one) + "\n" for one in steps)
    (folder / "events.jsonl").write_text(lines + half, encoding="utf-8")


def test_a_monitor_shows_how_far_and_how_fast_a_run_is(tmp_path):
    write_steps(tmp_path, step(1), step(2, validation=40.0))
    monitor = training_monitor(tmp_path)
    assert "step 2 of 4" in monitor.says.value
    assert "600 scored tokens/s" in monitor.says.value  # 300 in half a second
    assert "about 1 s to go" in monitor.says.value  # two steps of half a second
    assert "peak 1.50 GiB" in monitor.says.value
    assert bytes(monitor.picture.value).startswith(b"\x89PNG")
    assert not monitor.stop.disabled


def test_a_monitor_goes_on_where_the_file_does_and_ends_with_the_run(tmp_path):
    write_steps(tmp_path, step(1), half='{"number": 2, "lo')
    monitor = training_monitor(tmp_path)
    first = bytes(monitor.picture.value)
    assert "step 1 of 4" in monitor.says.value
    write_steps(tmp_path, *(step(number) for number in (1, 2, 3, 4)))
    (tmp_path / "done.json").write_text("{}")
    assert monitor.refresh() is False
    assert "step 4 of 4" in monitor.says.value
    assert "finished" in monitor.says.value
    assert bytes(monitor.picture.value) != first
    assert monitor.stop.disabled


def test_of_steps_done_again_after_a_kill_the_last_counts(tmp_path):
    write_steps(tmp_path, step(1), step(2, loss=9.0), step(2, loss=3.0))
    assert [one["loss"] for one in events.read_steps(tmp_path)] == [2.0, 3.0]


def test_a_stage_that_trains_nothing_has_no_steps(tmp_path):
    write_steps(tmp_path, {"batch": 1})
    monitor = training_monitor(tmp_path)
    assert "no step yet" in monitor.says.value
    assert monitor.stop.disabled


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="name the folder of a stage"):
        training_monitor(tmp_path / "nothing")
