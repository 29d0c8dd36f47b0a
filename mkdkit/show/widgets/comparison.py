"""One question and what several models wrote for it, side by side."""

from collections.abc import Mapping, Sequence

from ipywidgets import HTML, Button, Dropdown, HBox, VBox

from mkdkit.records import Question, Rationale
from mkdkit.show import cards
from mkdkit.show.widgets import menus
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import find_slips

CHOICES = {  # which questions are leafed through -> whether one is, from who was right
    "all questions": lambda right: True,
    "some are right, some wrong": lambda right: any(right) and not all(right),
    "all are wrong": lambda right: not any(right),
    "all are right": all,
    "the last is right, the first wrong": lambda right: right[-1] and not right[0],
    "the first is right, the last wrong": lambda right: right[0] and not right[-1],
}


class Comparison(VBox):
    """Two menus and two buttons above the card; `shown` is the question on it."""

    shown: Question | None

    def __init__(
        self, questions: dict[str, Question], said: dict[str, dict[str, Rationale]], task: Task
    ) -> None:
        self.questions, self.said, self.task = questions, said, task
        self.choice = Dropdown(options=[*CHOICES], description="show", layout=menus.WIDE)
        self.question = Dropdown(description="question", layout=menus.WIDE)
        self.back, self.forth = Button(description="previous"), Button(description="next")
        self.place, self.card = HTML(), HTML()
        buttons = HBox([self.back, self.forth, self.place])
        super().__init__([self.choice, self.question, buttons, self.card])
        self.choice.observe(self._narrow, "value")
        self.question.observe(self._show, "value")
        self.back.on_click(lambda _: self._turn(-1))
        self.forth.on_click(lambda _: self._turn(1))
        self._narrow()

    def _narrow(self, _: object = None) -> None:
        fits = CHOICES[str(self.choice.value)]
        found = [
            name
            for name in self.questions
            if fits([written[name].is_correct for written in self.said.values()])
        ]
        titles = [(menus.title_of(self.questions[name]), name) for name in found]
        menus.fill(self.question, titles, self._show)
        self._show()

    def _turn(self, by: int) -> None:
        if (place := self.question.index) is not None:
            self.question.index = (place + by) % len(self.question.options)

    def _show(self, _: object = None) -> None:
        name = self.question.value
        if name is None:
            self.shown, self.place.value = None, "none of 0"
            self.card.value = "<p>There is no such question.</p>"
            return
        self.shown = question = self.questions[name]
        texts = {model: written[name] for model, written in self.said.items()}
        slips = [find_slips(question, one.text, self.task) for one in texts.values()]
        card = cards.side_by_side(question, [*texts.values()], names=[*texts], slips=slips)
        self.card.value = str(card.data)
        place = (self.question.index or 0) + 1
        self.place.value = f"{place:,} of {len(self.question.options):,}"


def comparison(
    questions: Sequence[Question], said: Mapping[str, Sequence[Rationale]], *, task: Task
) -> Comparison:
    """Return menus and buttons to leaf through questions that several models answered.

    Args:
        questions: those that were asked; those that not all models answered are left out.
        said: model or arm -> what it wrote; of several for a question, the first is shown.
        task: marks the slips its process check finds.

    Raises:
        ValueError: there is no question that all of them answered.
    """
    first = {
        name: {one.question_id: one for one in reversed(written)} for name, written in said.items()
    }
    shared = {one.id: one for one in questions if all(one.id in found for found in first.values())}
    if not (shared and said):
        rule = "a comparison needs questions that all models answered"
        raise ValueError(f"{rule}, got none among {len(questions)} questions of {[*said]}")
    return Comparison(shared, first, task)
