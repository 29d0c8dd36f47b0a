"""The planner as a reader meets it: in JupyterLab, by mouse and by keyboard."""

import pytest

pytestmark = pytest.mark.browser

PLANNER = """
from mkdkit.pipeline import sizing
from mkdkit.show.widgets.planner import planner

plan = planner(sizing.memory, sizing.collection, sizes=sizing.SIZES, size="tiny-mentor")
plan
"""
SOURCE = "img => img.src"
CAUSAL = "causal 1B (1.2 billion)"


def test_the_planner_is_turned_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook("planner", PLANNER)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("fits: 0.314 of 16 GiB").wait_for()  # the step is counted by itself
    picture = page.locator("img.widget-image")
    before = picture.evaluate(SOURCE)
    # by mouse
    page.get_by_label("model size").select_option(CAUSAL)
    page.get_by_label("method").select_option("full")
    page.get_by_text("does not fit: 28 of 16 GiB").wait_for()
    page.wait_for_function(
        "src => document.querySelector('img.widget-image').src !== src", arg=before
    )
    assert picture.count() == 1
    assert notebook.ask("(plan.size.value, plan.rank.disabled)") == f"('{CAUSAL}', True)"
    page.get_by_label("GPU").select_option("40 GiB")
    page.get_by_text("fits: 28 of 40 GiB").wait_for()
    # by keyboard: the method, and then a smaller batch
    page.get_by_label("method").focus()
    page.keyboard.press("End")  # arrows on a closed menu are JupyterLab's own
    notebook.wait("(plan.method.value, plan.rank.disabled)", "('qlora', False)")
    page.get_by_role("slider").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    notebook.wait("plan.batch_size.value", "4")
    notebook.wait("'counting' in plan.fits.value", "False")  # asks nothing that has to be counted
    chosen = "plan.size.value, method='qlora', batch_size=4"
    assert notebook.ask(f"plan.parts == sizing.memory({chosen})") == "True"
    total = notebook.ask("f'{sum(plan.parts.values()) / 2**30:.3f}'").strip("'")
    page.get_by_role("cell", name=total).wait_for()  # and read, not only seen


def test_a_collection_is_typed_and_a_wrong_number_is_a_sentence(open_notebook):
    notebook = open_notebook("collection", PLANNER)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("cost unknown: give both prices").wait_for()
    asked = {"questions": "1000", "rationales per question": "3"}
    asked |= {"tokens of a prompt": "200", "tokens of a rationale": "300"}
    for label, number in asked.items():
        page.get_by_label(label, exact=True).fill(number)
    page.get_by_label("price of 10⁶ tokens sent").fill("0.5")
    # by keyboard alone, from field to field
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    page.keyboard.press("Tab")
    page.keyboard.type("60")
    page.keyboard.press("Tab")
    page.keyboard.type("<img src=x onerror=\"document.title='taken'\">")
    page.get_by_text("tokens a minute must be a number such as 2.5").wait_for()
    assert page.locator("img[src=x]").count() == 0
    assert notebook.ask("plan.costs") == "{}"
    page.keyboard.press("Control+A")
    page.keyboard.type("15,000")
    page.get_by_text("time 100 minutes").wait_for()
    page.get_by_text("cost 2.10").wait_for()
    page.get_by_label("all rationales of a question in one request").focus()
    page.keyboard.press("Space")
    page.get_by_text("1,000 requests").wait_for()
    assert notebook.ask("plan.costs['tokens sent']") == "200000"
    assert "taken" not in page.title()
