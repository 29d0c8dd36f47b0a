"""The method as stages: from questions to scores, each computed once and then loaded.

Every function takes a recipe (and, from the student on, an arm), makes sure that the stages
before it are there, and returns its own.
"""

from mkdkit.pipeline.children import start
from mkdkit.pipeline.folders import Stage
from mkdkit.pipeline.stages.confidences import ATTEMPTS, confidences, read_confidences
from mkdkit.pipeline.stages.data import (
    questions,
    read_filtered,
    read_kept,
    read_splits,
    teacher_rationales,
    teacher_set,
)
from mkdkit.pipeline.stages.epochs import by_epoch, read_epochs
from mkdkit.pipeline.stages.fine_tuning import load_model, read_history
from mkdkit.pipeline.stages.labelling import labels, load_labels
from mkdkit.pipeline.stages.mentoring import augmentation, mentor, mentor_set
from mkdkit.pipeline.stages.reach import by_steps, read_by_steps
from mkdkit.pipeline.stages.reports import ancestors, majority_answer, read_report, report
from mkdkit.pipeline.stages.scores import load_untrained, read_answers, scores
from mkdkit.pipeline.stages.students import student
from mkdkit.pipeline.stages.unlabelled import unlabelled_set
from mkdkit.pipeline.stages.written import read_written

__all__ = [
    "ATTEMPTS",
    "Stage",
    "ancestors",
    "augmentation",
    "by_epoch",
    "by_steps",
    "confidences",
    "labels",
    "load_labels",
    "load_model",
    "load_untrained",
    "majority_answer",
    "mentor",
    "mentor_set",
    "questions",
    "read_answers",
    "read_by_steps",
    "read_confidences",
    "read_epochs",
    "read_filtered",
    "read_history",
    "read_kept",
    "read_report",
    "read_splits",
    "read_written",
    "report",
    "scores",
    "start",
    "student",
    "teacher_rationales",
    "teacher_set",
    "unlabelled_set",
]
