"""Numbers published by the papers, to be drawn or printed beside one's own. Accuracies in %.

Lee, Kim, Lee: Mentor-KD (EMNLP 2024, pp. 17643-17658; arXiv 2410.09037). The figures' values were
read from their vector drawings (to about 0.02), the tables' copied. The paper speaks of averages of
four seeds, at the best epoch on the test set; Tables 2 and 3 look like single runs (nearly all is a
multiple of 1/n). Nothing has an interval: see `half_width`. Unless said: Flan-T5-large teaches
Flan-T5-small.
"""

import math
from dataclasses import dataclass
from typing import Any

PAPER = "Mentor-KD, EMNLP 2024"

# Table 6: questions in each test set
TEST_QUESTIONS = {
    "strategy_qa": 687,
    "commonsense_qa": 1221,
    "asdiv": 314,
    "svamp": 150,
    "gsm8k": 659,
    "tracking_shuffled_objects": 225,
    "date_understanding": 111,
    "last_letter_concatenation": 150,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One published line: accuracies (%) of a student on one task against one setting."""

    task: str
    arm: str
    values: tuple[float | str, ...]
    accuracies: tuple[float, ...]
    source: str

    @property
    def label(self) -> str:
        """What a legend says of it."""
        return f"published: {self.arm}, {self.task} ({self.source})"

    @property
    def half_widths(self) -> tuple[float, ...]:
        """Half of the 95% interval of each accuracy, in points; see `half_width`."""
        return tuple(half_width(accuracy, self.task) for accuracy in self.accuracies)


def _lines(
    source: str, arm: str, values: tuple[float | str, ...], rows: dict[str, tuple[float, ...]]
) -> dict[str, Series]:
    return {task: Series(task, arm, values, row, source) for task, row in rows.items()}


# Figure 3: mentor rationales per question. At degree 3 it differs from Table 3 (other runs).
DEGREE = _lines(
    "Fig. 3",
    "mentor_kd",
    (1, 2, 3, 4, 5, 6, 7, 8, 9),
    {
        "strategy_qa": (57.79, 59.82, 60.70, 59.97, 60.41, 60.70, 61.57, 59.39, 59.39),
        "asdiv": (8.28, 10.19, 9.24, 10.51, 11.15, 11.78, 10.19, 10.19, 10.83),
        "tracking_shuffled_objects": (
            64.89,
            79.11,
            80.89,
            84.44,
            83.11,
            87.56,
            87.56,
            89.33,
            88.44,
        ),
        "last_letter_concatenation": (
            56.00,
            57.33,
            58.67,
            58.00,
            61.33,
            57.33,
            56.67,
            59.33,
            58.67,
        ),
    },
)

# Figure 4: who else could write the rationales. Accuracy of each annotator on the training
# questions that the teacher got wrong, and of the student that learns from what each wrote
ANNOTATED = ("strategy_qa", "commonsense_qa", "tracking_shuffled_objects", "date_understanding")
ANNOTATORS = {
    "GPT-3.5 again": (25.49, 28.72, 46.58, 28.81),
    "Llama-3-8B-Instruct": (11.46, 32.29, 38.89, 30.51),
    "Vicuna-7B": (10.86, 32.70, 27.78, 30.51),
    "mentor": (47.96, 71.99, 33.33, 72.87),
}
ANNOTATORS_STUDENTS = {
    "GPT-3.5 again": (49.34, 36.28, 34.67, 25.23),
    "Llama-3-8B-Instruct": (42.21, 31.53, 37.78, 22.52),
    "Vicuna-7B": (19.35, 27.03, 36.89, 18.92),
    "mentor": (53.86, 39.56, 39.56, 74.77),
}

# Figure 5: share of the training set, %
_SHARES = (10, 20, 40, 60, 80, 100)
DATA_SHARE = _lines(
    "Fig. 5",
    "mentor_kd",
    _SHARES,
    {
        "tracking_shuffled_objects": (36.00, 47.11, 67.11, 77.78, 82.22, 82.67),
        "last_letter_concatenation": (42.00, 46.67, 52.67, 53.33, 56.00, 58.67),
    },
)
DATA_SHARE_VANILLA = _lines(
    "Fig. 5",
    "fine_tune_cot",
    _SHARES,
    {
        "tracking_shuffled_objects": (35.11, 35.11, 34.67, 36.00, 47.55, 63.11),
        "last_letter_concatenation": (17.33, 28.00, 44.00, 50.00, 52.00, 52.67),
    },
)

# Figure 6: the mentor's size; small is the student's own size (self-distillation)
MENTOR_SIZE = _lines(
    "Fig. 6",
    "mentor_kd",
    ("small", "base", "large", "XL"),
    {
        "tracking_shuffled_objects": (81.33, 81.78, 82.67, 86.67),
        "last_letter_concatenation": (56.00, 56.00, 58.67, 59.33),
    },
)

# Figure 7: the soft-label weight λ. Its λ = 0 is the run without a mentor at all (Vanilla-KD)...
KD_WEIGHT = _lines(
    "Fig. 7",
    "mentor_kd",
    (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0),
    {
        "tracking_shuffled_objects": (63.11, 82.67, 82.67, 81.78, 84.89, 84.44, 85.33),
        "last_letter_concatenation": (52.67, 57.33, 58.67, 58.00, 58.00, 64.00, 60.67),
    },
)
# ... while with the mentor's rationales and no soft labels it is this (Table 4, "w/o SLD"):
KD_WEIGHT_0 = {"tracking_shuffled_objects": 82.22, "last_letter_concatenation": 54.00}

# Vanilla-KD of Table 3, the dashed line of Figures 6 and 7
VANILLA = {"tracking_shuffled_objects": 63.11, "last_letter_concatenation": 52.67}

# Tables 2 and 3: accuracy by task, in this order of columns
COLUMNS = (
    "strategy_qa",
    "commonsense_qa",
    "asdiv",
    "svamp",
    "tracking_shuffled_objects",
    "date_understanding",
    "last_letter_concatenation",
)
TEACHER = (58.07, 74.35, 79.64, 75.14, 64.00, 81.98, 68.00)  # GPT-3.5, zero-shot-CoT
TABLE_2 = {
    ("T5-large", "mentor"): (63.32, 68.80, 12.42, 13.05, 90.22, 84.68, 68.00),
    ("T5-base", "fine_tune_cot"): (61.43, 55.53, 11.15, 10.00, 77.33, 89.19, 56.00),
    ("T5-base", "mcc_kd"): (62.01, 57.17, 9.55, 8.00, 56.89, 81.98, 45.33),
    ("T5-base", "mentor_kd"): (62.45, 59.05, 12.10, 10.00, 92.00, 88.29, 65.33),
    ("T5-small", "fine_tune_cot"): (55.60, 42.75, 5.10, 6.67, 39.11, 81.98, 48.67),
    ("T5-small", "mcc_kd"): (56.77, 38.25, 5.73, 7.33, 38.22, 77.48, 28.67),
    ("T5-small", "mentor_kd"): (57.93, 45.37, 7.01, 8.67, 79.56, 87.39, 56.67),
}
TABLE_3 = {
    ("Flan-T5-large", "mentor"): (64.48, 79.36, 20.70, 14.00, 90.22, 88.29, 65.33),
    ("Flan-T5-base", "fine_tune_cot"): (62.74, 62.33, 12.42, 10.67, 84.89, 86.49, 53.33),
    ("Flan-T5-base", "mcc_kd"): (64.92, 68.47, 13.69, 12.00, 69.78, 85.59, 46.00),
    ("Flan-T5-base", "mentor_kd"): (65.21, 67.24, 15.29, 11.33, 93.78, 87.39, 65.33),
    ("Flan-T5-small", "fine_tune_cot"): (55.90, 48.24, 7.96, 10.67, 63.11, 85.59, 52.67),
    ("Flan-T5-small", "mcc_kd"): (58.37, 45.21, 7.01, 10.00, 43.11, 81.98, 35.33),
    ("Flan-T5-small", "mentor_kd"): (59.97, 48.98, 10.83, 10.67, 82.67, 83.78, 58.67),
}


def questions_right(accuracy: float, task: str) -> float:
    """The number of test questions that a published accuracy stands for, not rounded.

    >>> round(questions_right(82.67, "tracking_shuffled_objects"), 2)
    186.01
    """
    return accuracy * TEST_QUESTIONS[task] / 100


def compare(first: str, second: str) -> list[dict[str, Any]]:
    """Two arms of Tables 2 and 3, a row for each student and task: questions each got right.

    Returns:
        Rows with "student", "task", "n" (test questions), and the number right under each arm's
        name.
    """
    rows: list[dict[str, Any]] = []
    tables = TABLE_2 | TABLE_3
    for student in dict.fromkeys(name for name, arm in tables if arm == first):
        found = zip(COLUMNS, tables[student, first], tables[student, second], strict=True)
        for task, *accuracies in found:
            right = [round(questions_right(accuracy, task)) for accuracy in accuracies]
            row = {"student": student, "task": task, "n": TEST_QUESTIONS[task]}
            rows.append(row | dict(zip((first, second), right, strict=True)))
    return rows


def half_width(accuracy: float, task: str) -> float:
    """Half of the 95% interval of one published accuracy, in points: the binomial one, as a scale.

    >>> round(half_width(50.0, "tracking_shuffled_objects"), 1)
    6.5
    """
    share = accuracy / 100
    return 196 * math.sqrt(share * (1 - share) / TEST_QUESTIONS[task])
