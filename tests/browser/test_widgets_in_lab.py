"""Widgets as a reader meets them: in JupyterLab, by mouse and by keyboard."""

import pytest

pytestmark = pytest.mark.browser

RECORDS = """
from mkdkit.records import Question, Rationale
from mkdkit.show import widgets
from mkdkit.tasks.catalogue import find

task = find("multi_step_arithmetic")
questions = [
    Question("pens", "Mia has 3 pens and gets 4. How many has she?", "7"),
    Question("cards", "Tom has 9 cards and loses 2. How many are left?", "7"),
]
written = [
    Rationale("pens", "3 + 4 = 7.", "7", "teacher", True),
    Rationale("pens", "3 + 5 = 7. Then 3 + 4 = 7.", "7", "teacher", True),
    Rationale("pens", "3 + 4 = 8.", "8", "teacher", False),
    Rationale("cards", "Tom has 9.", None, "teacher", False),
]
"""
BROWSER = "widgets.rationale_browser(questions, written, task=task)"


def test_menus_search_and_buttons_of_the_browser_choose_the_card(open_notebook):
    notebook = open_notebook("browser", f"{RECORDS}browser = {BROWSER}\nbrowser")
    notebook.run_all()
    page = notebook.page
    page.get_by_text("1 of 4", exact=True).wait_for()
    page.get_by_label("rationale", exact=True).select_option("3: teacher, wrong")
    page.locator("mark", has_text="3 + 4 = 8").wait_for()
    page.get_by_role("button", name="next wrong one").click()
    page.get_by_text("Tom has 9.", exact=True).wait_for()
    assert page.get_by_label("question", exact=True).evaluate("menu => menu.selectedIndex") == 1
    page.get_by_role("button", name="next", exact=True).press("Enter")
    page.get_by_text("1 of 4", exact=True).wait_for()
    page.get_by_label("search", exact=True).type("3 + 5")
    page.get_by_text("1 of 1", exact=True).wait_for()
    page.locator("mark", has_text="3 + 5 = 7").wait_for()
    page.get_by_label("verdict", exact=True).select_option("wrong")
    page.get_by_text("No rationale fits").wait_for()
    assert notebook.ask("browser.shown") == "None"


def test_the_filter_bench_is_turned_by_mouse_and_by_keyboard(open_notebook):
    bench = "bench = widgets.filter_bench(questions, written, task=task)\nbench"
    notebook = open_notebook("bench", RECORDS + bench)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("2 of 4 are kept (50.0%)").wait_for()
    page.get_by_label("no slip found in the reasoning").check()
    page.get_by_text("1 of 4 are kept (25.0%)").wait_for()
    page.get_by_text("just dropped: flawed reasoning").click()
    page.locator("mark", has_text="3 + 5 = 7").wait_for()
    assert notebook.ask("bench.settings.check_reasoning") == "True"
    page.get_by_label("right answers only").focus()
    page.keyboard.press("Space")
    page.get_by_text("of the kept, 50.0% have the right answer").wait_for()
    slider = page.get_by_role("slider").first
    slider.focus()
    page.keyboard.press("ArrowLeft")
    notebook.wait("bench.settings.max_per_question", "2")
    notebook.wait("len(bench.filtered.kept)", "2")


def test_text_of_models_is_shown_and_never_run(open_notebook):
    takes = "document.title='taken'"
    text = f'<script>{takes}</script></div><img src=x onerror="{takes}">'
    code = f"wild = Rationale('pens', {text!r}, '7', 'teacher', True)\n"
    code += "widgets.rationale_browser(questions, [wild], task=task)"
    notebook = open_notebook("wild", RECORDS + code)
    notebook.run_all()
    card = notebook.page.locator(".widget-html-content").last
    assert "<script>document.title='taken'</script>" in card.inner_text()
    assert "onerror=" in card.inner_text()
    assert card.locator("img, script").count() == 0
    assert "taken" not in notebook.page.title()


COMPARISON = """
before = [Rationale("pens", "She has 3. 3 + 4 = 8.", "8", "student", False), written[3]]
after = [
    Rationale("pens", "She has 3. 3 + 4 = 7.", "7", "student", True),
    Rationale("cards", "9 - 2 = 7.", "7", "mentor", True),
]
view = widgets.comparison(questions, {"before": before, "after": after}, task=task)
view
"""


def test_a_comparison_is_leafed_through_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook("comparison", RECORDS + COMPARISON)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("is step 2, marked").wait_for()
    page.locator("mark", has_text="3 + 4 = 8").wait_for()
    page.get_by_role("button", name="next").click()
    page.get_by_text("2 of 2", exact=True).wait_for()
    assert notebook.ask("view.shown.id") == "'cards'"
    page.get_by_role("button", name="previous").press("Space")
    page.get_by_text("1 of 2", exact=True).wait_for()
    page.get_by_label("show", exact=True).select_option("the first is right, the last wrong")
    page.get_by_text("There is no such question.").wait_for()
    notebook.wait("view.shown", "None")


PLAYGROUND = """
from mkdkit.show import widgets
play = widgets.loss_playground(["7", "1"], [1.0, 0.0], [0.0, 0.0])
play
"""


def test_the_loss_playground_is_turned_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook("playground", PLAYGROUND)
    notebook.run_all()
    page = notebook.page
    picture = page.locator("img.widget-image")
    before = picture.get_attribute("src")
    page.get_by_role("slider").first.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    notebook.wait("round(play.mentor[0].value, 3)", "1.3")
    page.wait_for_function(
        "src => document.querySelector('img.widget-image').src !== src", arg=before
    )
    loss = notebook.ask("play.weighed.loss")
    page.get_by_role("button", name="one step").click()
    notebook.wait(f"play.weighed.loss < {loss}", "True")
    page.get_by_label("divergence", exact=True).select_option("Jensen-Shannon")
    notebook.wait("play.divergence.value", "'Jensen-Shannon'")
    page.get_by_label("times τ²").check()
    notebook.wait("play.squared.value", "True")


VIEW = """
import numpy as np
from mkdkit.next_tokens import NextTokens
from mkdkit.show import widgets

view = NextTokens(
    tokens=("3", " +", " 4", "<i>"),
    temperatures=(1.0, 2.0),
    likeliest=tuple((token, "other") for token in ("3", " +", " 4", "<i>")),
    probabilities={name: np.full((2, 4, 2), 0.25) for name in ("mentor", "student")},
    entropies={name: np.ones((2, 4)) for name in ("mentor", "student")},
    divergences={"student": np.array([[0.0, 0.2, 0.8, 0.4], [0.0, 0.0, 0.1, 0.5]])},
)
scope = widgets.soft_label_microscope(view)
scope
"""
SHADE = "button => getComputedStyle(button).backgroundColor"


def test_the_microscope_is_turned_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook("microscope", VIEW)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("darkest 0.800, at token 2").wait_for()
    buttons = page.locator(".widget-toggle-button")
    assert [one.inner_text().strip() for one in buttons.all()] == ["3", "+", "4", "<i>"]
    shades = [one.evaluate(SHADE) for one in buttons.all()]
    assert len(set(shades)) == 4
    assert "student: ␣4 25%, other 25%" in buttons.nth(2).get_attribute("title")
    buttons.nth(3).click()
    notebook.wait("scope.token", "3")
    page.locator("code", has_text="► <i>").wait_for()
    page.get_by_role("slider").last.focus()
    page.keyboard.press("ArrowLeft")
    notebook.wait("scope.token", "2")
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("darkest 0.500, at token 3").wait_for()
    assert [one.evaluate(SHADE) for one in buttons.all()] != shades
    page.get_by_label("coloured by").select_option("entropy of mentor")
    page.get_by_text("mean 1.000").wait_for()


TRAINING = """
import json, tempfile
from pathlib import Path
from mkdkit.show import widgets

folder = Path(tempfile.mkdtemp())

def step(number):
    numbers = {"number": number, "loss": 3 / number, "learning_rate": 1e-3, "steps": 5}
    row = numbers | {"scored_tokens": 300, "seconds": 0.5, "validation": None, "peak_gib": 1.5}
    with (folder / "events.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\\n")

step(1)
step(2)
monitor = widgets.training_monitor(folder)
monitor
"""


def test_a_monitor_follows_a_run_over_a_closed_tab_and_stops_it(open_notebook):
    notebook = open_notebook("monitor", TRAINING)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("step 2 of 5").wait_for()
    before = page.locator("img.widget-image").get_attribute("src")
    notebook.ask("step(3)")
    page.get_by_text("step 3 of 5").wait_for()
    page.wait_for_function(
        "src => document.querySelector('img.widget-image').src !== src", arg=before
    )
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
    page.close()
    again = open_notebook("monitor")
    again.ask("step(4)")
    again.page.get_by_text("step 4 of 5").wait_for()
    assert again.page.locator("img.widget-image").count() == 1
    again.page.get_by_role("button", name="stop at a checkpoint").click()
    again.wait("(folder / 'stop').exists()", "True")
    again.page.get_by_role("button", name="stopping ...").wait_for()


def test_without_observers_a_browser_shows_nothing_new(open_notebook):
    """What the tests above see is done by the widgets, not by the page."""
    deaf = f"box = {BROWSER}\nfor one in (box.question, box.number): one.unobserve_all()\nbox"
    notebook = open_notebook("deaf", RECORDS + deaf)
    notebook.run_all()
    card = notebook.page.locator(".widget-html-content").last
    before = card.inner_text()
    assert "3 + 4 = 7" in before
    notebook.page.get_by_label("rationale", exact=True).select_option("3: teacher, wrong")
    notebook.wait("box.number.index", "2")
    assert card.inner_text() == before
