"""Widgets show what they are set to, and nothing else changes."""

import asyncio
import json

import pytest
from ipywidgets.widgets import widget
from test_microscope import VIEW

from mkdkit import events
from mkdkit.filters import filter_rationales
from mkdkit.models.sampling import Written
from mkdkit.records import Question, Rationale
from mkdkit.settings import FilterSettings
from mkdkit.show import cards
from mkdkit.show.widgets import (
    comparison,
    filter_bench,
    question_page,
    rationale_browser,
    training_monitor,
)
from mkdkit.tasks.catalogue import find
from mkdkit.tasks.checks import find_slips

PENS = Question("pens", "Mia has 3 pens and gets 4. How many has she?", "7")
CARDS = Question("cards", "Tom has 9 cards & loses 2. How many are left?", "7")
RIGHT = Rationale("pens", "3 + 4 = 7.", "7", "teacher", True)
FALSE = Rationale("pens", "3 + 4 = 8.", "8", "teacher", False)
SILENT = Rationale("cards", "Tom has 9.", None, "teacher", False)


ARITHMETIC = find("multi_step_arithmetic")
MENTORS = Rationale("cards", "9 - 2 = 7.", "7", "mentor", True)


def test_it_opens_on_the_first_rationale_of_the_first_question():
    browser = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE])
    assert browser.question.value == "pens"
    assert browser.number.index == 0
    assert browser.shown == RIGHT
    assert browser.card.value == cards.rationale_card(PENS, RIGHT).data


def test_the_menus_select_the_card():
    browser = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE])
    browser.number.index = 1
    assert browser.card.value == cards.rationale_card(PENS, FALSE).data
    browser.question.value = "cards"
    assert browser.card.value == cards.rationale_card(CARDS, SILENT).data
    browser.question.value = "pens"  # from number 1 to number 1: the card must still change
    assert browser.card.value == cards.rationale_card(PENS, RIGHT).data


def test_a_card_is_made_once_for_every_change(monkeypatch):
    made = []
    make = cards.rationale_card

    def counted(question, one, **marks):
        made.append(one)
        return make(question, one, **marks)

    monkeypatch.setattr(cards, "rationale_card", counted)
    browser = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE])
    browser.forth.click()
    browser.question.value = "cards"
    browser.verdict.value = "right"
    assert made == [RIGHT, FALSE, SILENT, RIGHT]


def test_next_leafs_through_all_and_begins_again():
    browser = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE])
    seen = []
    for _ in range(4):
        seen.append(browser.shown)
        browser.forth.click()
    assert seen == [RIGHT, FALSE, SILENT, RIGHT]
    browser.back.click()
    assert browser.shown == RIGHT
    assert browser.place.value == "1 of 3"


def test_the_next_wrong_one_is_the_next_that_is_not_right():
    browser = rationale_browser([PENS, CARDS], [RIGHT, FALSE, MENTORS, SILENT])
    seen = []
    for _ in range(3):
        browser.wrong.click()
        seen.append(browser.shown)
    assert seen == [FALSE, SILENT, FALSE]
    browser.verdict.value = "right"
    browser.wrong.click()
    assert browser.place.value == "none of these is wrong"
    assert browser.shown == RIGHT


def test_source_verdict_and_search_narrow_what_is_leafed_through():
    browser = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE, MENTORS])
    browser.source.value = "mentor"
    assert browser.shown == MENTORS
    assert [name for _, name in browser.question.options] == ["cards"]
    browser.source.value = "all"
    browser.verdict.value = "no answer"
    assert browser.shown == SILENT
    browser.verdict.value = "all"
    browser.search.value = "4 = 8"
    assert browser.shown == FALSE
    browser.search.value = "TOM"  # in the question
    assert browser.place.value == "1 of 2"
    browser.search.value = "nobody"
    assert browser.shown is None
    assert "No rationale fits" in browser.card.value
    for button in (browser.forth, browser.back, browser.wrong):
        button.click()
    browser.search.value = ""
    assert browser.place.value == "1 of 4"


def test_what_the_filter_did_is_said_of_each_of_two_that_are_the_same():
    written = [RIGHT, RIGHT, FALSE]
    filtered = filter_rationales(
        written, questions=[PENS, CARDS], task=ARITHMETIC, settings=FilterSettings()
    )
    browser = rationale_browser([PENS], written, filtered=filtered)
    found = []
    for _ in written:
        found.append(browser.verdicts[browser.number.value])
        browser.forth.click()
    assert found == ["kept", "dropped: duplicate", "dropped: wrong answer"]
    browser.verdict.value = "dropped: duplicate"
    assert "Filter</b> dropped: duplicate" in browser.card.value
    assert browser.place.value == "1 of 1"


def test_slips_and_equations_that_hold_are_marked_for_a_task_with_a_process_check():
    browser = rationale_browser([PENS], [RIGHT, FALSE], task=ARITHMETIC)
    assert "<mark" not in browser.card.value
    assert "3 + 4 = 7 <i>✓</i>" in browser.card.value
    browser.number.index = 1
    assert "<mark" in browser.card.value
    assert "<i>✓</i>" not in browser.card.value


def test_questions_without_a_rationale_are_not_in_the_menu():
    browser = rationale_browser([CARDS, PENS], [RIGHT])
    assert [value for _, value in browser.question.options] == ["pens"]


def test_texts_are_escaped():
    assert "9 cards &amp; loses" in rationale_browser([CARDS], [SILENT]).card.value


def test_rationales_of_other_questions_are_an_error():
    with pytest.raises(ValueError, match="got 1 questions and 2 rationales that answer none"):
        rationale_browser([CARDS], [RIGHT, FALSE])


# side by side

BEFORE = [FALSE, SILENT]
AFTER = [RIGHT, MENTORS]


def test_a_comparison_shows_the_same_question_answered_by_all():
    view = comparison([PENS, CARDS], {"before": BEFORE, "after": AFTER}, task=ARITHMETIC)
    assert view.shown == PENS
    slips = [find_slips(PENS, FALSE.text, ARITHMETIC), []]
    expected = cards.side_by_side(PENS, [FALSE, RIGHT], names=["before", "after"], slips=slips)
    assert view.card.value == expected.data
    view.forth.click()
    assert view.shown == CARDS
    view.forth.click()
    assert view.shown == PENS
    view.back.click()
    assert view.place.value == "2 of 2"


def test_a_comparison_leafs_through_the_questions_that_are_asked_for():
    said = {"before": [RIGHT, SILENT], "after": AFTER}
    view = comparison([PENS, CARDS], said, task=ARITHMETIC)
    found = {}
    for choice in view.choice.options:
        view.choice.value = choice
        found[choice] = [name for _, name in view.question.options]
    assert found == {
        "all questions": ["pens", "cards"],
        "some are right, some wrong": ["cards"],
        "all are wrong": [],
        "all are right": ["pens"],
        "the last is right, the first wrong": ["cards"],
        "the first is right, the last wrong": [],
    }
    assert view.shown is None
    view.forth.click()
    assert "There is no such question" in view.card.value


def test_questions_that_not_all_answered_are_left_out():
    view = comparison([PENS, CARDS], {"a": AFTER, "b": [FALSE]}, task=ARITHMETIC)
    assert [name for _, name in view.question.options] == ["pens"]
    with pytest.raises(ValueError, match="got none among 1 questions"):
        comparison([CARDS], {"a": AFTER, "b": [FALSE]}, task=ARITHMETIC)


# a page for an audience


def page_of(said, look=None):
    asked = []

    def ask(name, text):
        asked.append((name, text))
        return Written(0, 0, said[name], is_complete=True, tokens=3)

    page = question_page([*said], [PENS, CARDS], task=ARITHMETIC, ask=ask, look=look)
    return page, asked


def test_every_model_is_asked_what_stands_in_the_box():
    page, asked = page_of({"base": "no", "student": "3 + 4 = 7. --> 7"})
    assert page.text.value == PENS.text
    page.ask.click()
    assert asked == [("base", PENS.text), ("student", PENS.text)]
    assert {name: one.text for name, one in page.said.items()} == {
        "base": "no",
        "student": "3 + 4 = 7. --> 7",
    }
    assert page.card.value.count("✓ right") == 1
    page.another.click()
    assert page.text.value == CARDS.text
    page.another.click()
    assert page.text.value == PENS.text


def test_nobody_is_right_or_wrong_about_a_question_of_ones_own():
    page, _ = page_of({"student": "3 + 5 = 7. --> 7"})
    page.text.value = "What are 3 & 5?"
    page.ask.click()
    assert "3 &amp; 5?" in page.card.value
    assert "<mark" in page.card.value  # a false step is false whatever was asked
    assert ">7</b>" in page.card.value
    for verdict in ("right", "wrong", "<b>Answer</b>"):
        assert verdict not in page.card.value


def test_an_answer_that_was_written_can_be_looked_into():
    looked = []

    def look(text, completion):
        looked.append((text, completion))
        return VIEW

    page, _ = page_of({"base": "no", "student": "--> 7"}, look)
    page.ask.click()
    page.inside.value = "student"
    assert looked == [(PENS.text, "--> 7")]
    assert len(page.below.children) == 1
    page.inside.value = "nothing"
    assert page.below.children == ()


def test_looking_again_and_again_leaves_no_widgets_behind():
    page, _ = page_of({"student": "--> 7"}, lambda text, completion: VIEW)
    page.ask.click()

    def look():
        page.inside.value = "student"
        page.inside.value = "nothing"
        return len(widget._instances)  # all that the kernel keeps

    assert len({look() for _ in range(3)}) == 1


def test_a_monitor_that_is_closed_follows_no_more(tmp_path):
    write_steps(tmp_path, step(1))

    async def cell():
        monitor = training_monitor(tmp_path)
        await asyncio.sleep(0)
        monitor.close()
        await asyncio.gather(monitor.following, return_exceptions=True)
        return monitor.following.cancelled()

    assert asyncio.run(cell())


def test_what_cannot_be_looked_into_is_said_and_nothing_old_is_left():
    def look(text, completion):
        if completion == "no":
            raise ValueError("too <long>")
        return VIEW

    page, _ = page_of({"base": "no", "student": "--> 7"}, look)
    page.ask.click()
    page.inside.value = "student"
    page.inside.value = "base"
    (shown,) = page.below.children
    assert shown.value == "<p>too &lt;long&gt;</p>"


def test_an_answer_that_was_cut_off_says_so():
    cut = Written(0, 0, "3 + 4 =", is_complete=False, tokens=4)
    page = question_page(["s"], [PENS], task=ARITHMETIC, ask=lambda n, t: cut, look=None)
    page.ask.click()
    assert "cut off at the length limit" in page.card.value


def test_what_a_model_cannot_read_is_said_and_the_page_goes_on():
    def refuse(name, text):
        raise ValueError("300 tokens are more than <200>")

    page = question_page(["base"], [PENS], task=ARITHMETIC, ask=refuse, look=None)
    page.ask.click()
    assert "more than &lt;200&gt;" in page.card.value
    assert page.ask.disabled is False
    page.text.value = "  "
    page.ask.click()
    assert "Write a question first" in page.card.value
    assert page.inside.options == ("nothing",)


def test_a_page_without_questions_is_an_error():
    with pytest.raises(ValueError, match=r"got \['base'\] and 0"):
        question_page(["base"], [], task=ARITHMETIC, ask=None, look=None)


# the filter bench


def bench_of(rationales, **options):
    return filter_bench([PENS, CARDS], rationales, task=ARITHMETIC, **options)


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


def test_a_request_that_a_new_start_forgot_leaves_the_monitor_following(tmp_path, monkeypatch):
    write_steps(tmp_path, step(1))
    monitor = training_monitor(tmp_path)
    monitor.stop.click()
    assert monitor.refresh() is True
    events.forget_stop(tmp_path)  # as a run does that is started in this folder
    assert monitor.refresh() is True
    write_steps(tmp_path, step(1), step(2))
    assert monitor.refresh() is True
    assert monitor.stop.description == "stop at a checkpoint"
    assert not monitor.stop.disabled
    assert "stopped" not in monitor.says.value


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
