"""The ablation explorer as a reader meets it: in JupyterLab, by mouse and by keyboard."""

import pytest

pytestmark = pytest.mark.browser

ROWS = """
from mkdkit.evaluation import statistics
from mkdkit.show.widgets.ablation_explorer import ablation_explorer

cells = [(task, arm, weight, seed) for task in ("coin_flip", "letters")
         for arm in ("fine_tune_cot", "mentor_kd") for weight in (0.0, 0.3) for seed in range(3)]
rows = [
    {"task": task, "arm": arm, "seed": seed, "accuracy": 20.0 + place, "n": 100,
     "correct": 20 + place, "key": f"cell{place:02}", "student.kd_weight": weight}
    for place, (task, arm, weight, seed) in enumerate(cells)
]
explorer = ablation_explorer(
    rows, wilson=statistics.wilson_interval, student_t=statistics.mean_interval
)
explorer
"""
OTHER = "src => document.querySelector('img.widget-image').src !== src"


def test_the_explorer_is_operated_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook("explorer", ROWS)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("12 of 24 rows are drawn.").wait_for()
    picture = page.locator("img.widget-image")
    table = page.locator("table").first
    assert table.locator("tbody tr").count() == 12
    assert "cell00" in table.inner_text()
    assert "cell12" not in table.inner_text()

    before = picture.get_attribute("src")
    page.get_by_label("task", exact=True).select_option("letters")
    page.wait_for_function(OTHER, arg=before)
    notebook.wait("[row['key'] for row in explorer.chosen][::11]", "['cell12', 'cell23']")
    assert "cell12" in table.inner_text()
    assert "cell00" not in table.inner_text()

    seeds = page.get_by_label("seeds", exact=True)  # Shift + arrow keys would mark cells
    seeds.focus()
    page.keyboard.press("Home")
    page.get_by_text("4 of 24 rows are drawn.").wait_for()
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+Space")
    page.get_by_text("8 of 24 rows are drawn.").wait_for()
    notebook.wait("explorer.seeds.value", "('0', '1')")
    page.get_by_label("arms", exact=True).select_option("mentor_kd")
    page.get_by_text("4 of 24 rows are drawn.").wait_for()

    notebook.wait("explorer.shown['key']", "'cell18'")
    before = picture.get_attribute("src")
    point = page.get_by_label("point", exact=True)
    point.focus()
    for key in ("Space", "ArrowDown", "Enter"):  # a closed menu leaves its arrows to JupyterLab
        page.keyboard.press(key)
    page.wait_for_function(OTHER, arg=before)
    notebook.wait("explorer.shown['key']", "'cell19'")
    card = page.locator("table", has_text="the cell that made this point")
    assert card.locator("tr", has_text="key").inner_text().split() == ["key", "cell19"]

    page.get_by_label("x axis", exact=True).select_option("seed")
    notebook.wait("explorer.x.value", "'seed'")
    notebook.wait("len(explorer.chosen)", "4")
    page.get_by_text("the means").click()
    assert page.get_by_text("none: different student.kd_weight").count() == 2


def test_an_empty_choice_is_a_sentence_in_the_page(open_notebook):
    notebook = open_notebook("explorer_empty", ROWS)
    notebook.run_all()
    page = notebook.page
    page.get_by_text("12 of 24 rows are drawn.").wait_for()
    page.get_by_label("arms", exact=True).select_option([])
    page.get_by_text("No row fits what is chosen above.").wait_for()
    assert notebook.ask("explorer.chosen") == "[]"
    assert not page.locator("img.widget-image").is_visible()
    page.get_by_label("arms", exact=True).focus()
    page.keyboard.press("Home")
    page.get_by_text("6 of 24 rows are drawn.").wait_for()
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Control+Space")
    page.get_by_text("12 of 24 rows are drawn.").wait_for()
    page.locator("img.widget-image").wait_for()
