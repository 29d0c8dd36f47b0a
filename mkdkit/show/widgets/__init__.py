"""Widgets: leafing through what is there, and turning what a method leaves open.

They select and show; none trains, and none changes another cell's variables. A saved widget is an
error text without its kernel, so each stands below a static card or figure in a cell of its own.
"""

from mkdkit.show.widgets.ablation_explorer import AblationExplorer, ablation_explorer
from mkdkit.show.widgets.browser import RationaleBrowser, rationale_browser
from mkdkit.show.widgets.comparison import Comparison, comparison
from mkdkit.show.widgets.filter_bench import FilterBench, filter_bench
from mkdkit.show.widgets.loss_playground import LossPlayground, loss_playground
from mkdkit.show.widgets.microscope import Microscope, soft_label_microscope
from mkdkit.show.widgets.monitor import TrainingMonitor, training_monitor
from mkdkit.show.widgets.page import QuestionPage, question_page
from mkdkit.show.widgets.planner import Planner, planner

__all__ = [
    "AblationExplorer",
    "Comparison",
    "FilterBench",
    "LossPlayground",
    "Microscope",
    "Planner",
    "QuestionPage",
    "RationaleBrowser",
    "TrainingMonitor",
    "ablation_explorer",
    "comparison",
    "filter_bench",
    "loss_playground",
    "planner",
    "question_page",
    "rationale_browser",
    "soft_label_microscope",
    "training_monitor",
]
