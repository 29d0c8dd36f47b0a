"""Pictures of every widget in JupyterLab, for the README: `make screenshots` writes them.

They show the default run, so the stages of notebooks 1 to 6 are loaded from data/runs, or computed.
"""

import os
from pathlib import Path

import pytest

from mkdkit.show.canvas import FIGURES

pytestmark = pytest.mark.browser
RUNS = Path(os.environ.get("MKDKIT_RUNS", FIGURES.parent / "data" / "runs")).resolve()
SETUP = f"""
import os
os.environ |= {{"MKDKIT_RUNS": {str(RUNS)!r}, "MKDKIT_PROFILE": "tiny"}}
from mkdkit.pipeline import recipes, results, stages
from mkdkit.show import widgets
from mkdkit.tasks import catalogue
recipe = recipes.make("tiny")
task = catalogue.find(recipe.questions.task)
splits = stages.read_splits(stages.questions(recipe))
written = stages.read_written(stages.teacher_rationales(recipe))
filtered = stages.read_filtered(stages.teacher_set(recipe))
"""
ANSWERS = """
from mkdkit.evaluation import scoring
said = {
    arm: scoring.to_rationales(splits.test, stages.read_answers(stages.scores(recipe, arm)), task)
    for arm in ("base", "fine_tune_cot", "mentor_kd")
}
"""
MODELS = """
from mkdkit.evaluation import microscope
from mkdkit.models import encoding
student, tokenizer = stages.load_model(stages.student(recipe, "mentor_kd"))
mentor, _ = stages.load_model(stages.mentor(recipe))
base, _ = stages.load_untrained(recipe)
given = stages.read_answers(stages.scores(recipe, "mentor_kd"))
number = [one.is_correct for one in given].index(False)
family = encoding.family_of(student)
text = splits.test[number].text
row = encoding.encode_row(tokenizer, text, given[number].completion, family)
view = microscope.read({"mentor": mentor, "base": base, "student": student}, tokenizer, row)
"""
WIDGETS = {
    "browser": "w = widgets.rationale_browser("
    "splits.train, written, task=task, filtered=filtered)\nw.wrong.click()",
    "filter_bench": "w = widgets.filter_bench(splits.train, written, task=task,"
    " settings=recipe.teacher_filter)",
    "monitor": "w = widgets.training_monitor(stages.student(recipe, 'mentor_kd').folder)",
    "comparison": ANSWERS + "w = widgets.comparison(splits.test, said, task=task)\n"
    "w.choice.value = 'the last is right, the first wrong'",
    "microscope": MODELS + "w = widgets.soft_label_microscope(view)",
    "loss_playground": "w = widgets.loss_playground()",
    "planner": "from mkdkit.pipeline import sizing\n"
    "w = widgets.planner(sizing.memory, sizing.collection, sizes=sizing.SIZES,"
    " size='Flan-T5 large (783 million)')\nw._count()",
    "explorer": "from mkdkit.evaluation import statistics\n"
    "w = widgets.ablation_explorer(results.read_table('tiny_regime'), x='arm', color='task',"
    " wilson=statistics.wilson_interval, student_t=statistics.mean_interval)",
}


@pytest.mark.parametrize("name", WIDGETS)
def test_picture(name, open_notebook):
    notebook = open_notebook(name, f"{SETUP}{WIDGETS[name]}", "w")
    notebook.run_all()
    notebook.page.set_viewport_size({"width": 1300, "height": 2600})  # all of it at once
    widget = notebook.page.locator(".jp-OutputArea-output .widget-box").first
    widget.wait_for()
    notebook.page.wait_for_load_state("networkidle")
    notebook.page.wait_for_timeout(500)  # an image widget decodes after it is there
    widget.screenshot(path=FIGURES / f"widget_{name}.png")
