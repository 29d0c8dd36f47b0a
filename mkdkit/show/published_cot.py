"""Numbers published for Fine-tune-CoT, to be drawn beside one's own. Accuracies in %.

Ho, Schmid, Yun: Large Language Models Are Reasoning Teachers (ACL 2023; arXiv 2212.10071). Tables
are from the authors' published results; what stands in figures alone was read from them by eye,
to about a point. All are single runs at the best epoch on the test set. Students are GPT-3 models
unless said: ada (0.3 billion parameters), babbage (1.3) and curie (6.7).
"""

from mkdkit.show.published import Series

PAPER = "Fine-tune-CoT, ACL 2023"

# diverse reasoning: rationales per question, read by eye
_DEGREES = (1, 2, 4, 8, 16, 32, 64)
DIVERSE = {
    ("curie", "multiarith"): (29, 28, 34, 46, 42, 56, 53),
    ("curie", "svamp"): (13, 15, 18, 24, 30, 29, 30),
    ("ada", "multiarith"): (6, 7, 8, 8, 17, 23, 24),
    ("ada", "svamp"): (5, 6, 9, 9, 12, 9, 14),
}

# training questions, read by eye; the last is the whole set
_SIZES = (8, 32, 128, 420)
DATA_SIZE = {
    ("fine_tune_cot", "multiarith"): (1, 12, 19, 33),
    ("diverse", "multiarith"): (8, 19, 31, 53),
    ("answer_only", "multiarith"): (1, 7, 8, 15),
}

# the teacher's own accuracy and its curie student's, davinci and text-davinci-001 to -003
TEACHERS = {
    "multiarith": ((11, 47, 79, 86), (8, 28, 33, 30)),
    "svamp": ((10, 41, 64, 74), (5, 14, 13, 25)),
    "date_understanding": ((23, 52, 68, 73), (10, 59, 60, 75)),
}


def _line(
    task: str, arm: str, values: tuple[float | str, ...], accuracies: tuple[float, ...], where: str
) -> Series:
    return Series(task, arm, values, accuracies, f"{PAPER}, {where}")


def diverse(student: str = "curie", task: str = "multiarith") -> Series:
    """Accuracy by rationales per question."""
    found = DIVERSE[student, task]
    return _line(task, f"fine_tune_cot of {student}", _DEGREES, found, "diverse reasoning")


def data_size(arm: str = "fine_tune_cot", task: str = "multiarith") -> Series:
    """Accuracy by training questions, of curie."""
    return _line(task, arm, _SIZES, DATA_SIZE[arm, task], "data-set size")


def teachers(task: str = "multiarith") -> Series:
    """The student's accuracy by its teacher's, of curie."""
    theirs, students = TEACHERS[task]
    return _line(task, "fine_tune_cot of curie", theirs, students, "teacher performance")
