"""Leafing through rationales: a question, one of its rationales, the card of that one."""

from collections.abc import Sequence

from ipywidgets import HTML, Dropdown, VBox

from mkdkit.records import Question, Rationale
from mkdkit.show import cards
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import find_slips

LABEL = 60  # characters of a question in the menu


def rationale_browser(
    questions: Sequence[Question], rationales: Sequence[Rationale], *, task: Task | None = None
) -> VBox:
    """Two menus, a question and one of its rationales, above that rationale's card.

    Args:
        questions: those without a rationale are left out of the menu.
        rationales: in the order in which they are numbered, from 1.
        task: marks the slips its process check finds; None: nothing is marked.

    Raises:
        ValueError: none of the rationales answers one of the questions.
    """
    written: dict[str, list[Rationale]] = {question.id: [] for question in questions}
    for one in rationales:
        if one.question_id in written:
            written[one.question_id].append(one)
    asked = {question.id: question for question in questions if written[question.id]}
    if not asked:
        rule = "a browser needs questions and rationales for them"
        got = f"{len(questions)} questions and {len(rationales)} rationales that answer none"
        raise ValueError(f"{rule}, got {got}; pass the questions they were written for")

    titles = [(f"{one.id}: {one.text[:LABEL]}", one.id) for one in asked.values()]
    question_menu = Dropdown(options=titles, description="question", layout={"width": "36em"})
    number_menu = Dropdown(description="rationale", layout={"width": "36em"})
    card = HTML()

    def show(_: object = None) -> None:
        question = asked[str(question_menu.value)]
        rationale = written[question.id][number_menu.index or 0]
        slips = find_slips(question, rationale.text, task) if task else []
        card.value = str(cards.rationale_card(question, rationale, slips=slips).data)

    def list_rationales(_: object = None) -> None:
        found = written[str(question_menu.value)]
        number_menu.options = [_title(number, one) for number, one in enumerate(found, start=1)]
        number_menu.index = 0  # shows it; an empty menu selects nothing by itself

    question_menu.observe(list_rationales, "value")
    number_menu.observe(show, "index")
    list_rationales()
    return VBox([question_menu, number_menu, card])


def _title(number: int, rationale: Rationale) -> str:
    verdict = "right" if rationale.is_correct else "wrong"
    return f"{number}: {'no answer' if rationale.prediction is None else verdict}"
