"""A page for an audience: ask a question, watch several models answer, look inside an answer."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Protocol

from ipywidgets import HTML, Button, Dropdown, HBox, Textarea, VBox, Widget

from mkdkit.next_tokens import NextTokens
from mkdkit.records import Question, Rationale
from mkdkit.show import cards
from mkdkit.show.widgets.microscope import soft_label_microscope
from mkdkit.tasks import answers
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import find_slips

NOTHING = "nothing"


class Said(Protocol):
    """What a model wrote."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def is_complete(self) -> bool: ...  # noqa: D102  # it ended by itself


Ask = Callable[[str, str], Said]  # model, question -> what it writes
Look = Callable[[str, str], NextTokens]  # question, completion -> what the models expect in it


class QuestionPage(VBox):
    """A question to be changed, buttons, the models' answers, and a look inside one of them.

    `said` is what each model wrote for the question asked last.
    """

    def __init__(
        self, names: Sequence[str], questions: Sequence[Question], task: Task, ask: Ask, look: Look
    ) -> None:
        self.names, self.task, self.ask_model, self.look = names, task, ask, look
        self.questions = {one.text.strip(): one for one in questions}
        self.texts, self.number = [*self.questions], 0
        self.asked: Question | None = None
        self.said: dict[str, Said] = {}
        self.text = Textarea(
            self.texts[0], description="question", layout={"width": "52em", "height": "6em"}
        )
        self.ask = Button(description="ask", button_style="primary")
        self.another = Button(description="another question")
        self.inside = Dropdown(
            options=[NOTHING],
            description="look inside the answer of",
            style={"description_width": "14em"},
            layout={"width": "28em"},
        )
        self.card, self.below = HTML(), VBox()
        buttons = HBox([self.ask, self.another, self.inside])
        super().__init__([self.text, buttons, self.card, self.below])
        self.ask.on_click(self._ask)
        self.another.on_click(self._next)
        self.inside.observe(self._look, "value")

    def _next(self, _: object = None) -> None:
        self.number = (self.number + 1) % len(self.texts)
        self.text.value = self.texts[self.number]

    def _ask(self, _: object = None) -> None:
        """Ask one model after another; what each says is there as soon as it has said it."""
        text = self.text.value.strip()
        self.said, self.inside.options, self.card.value = {}, [NOTHING], ""
        if not text:
            self.card.value = "<p>Write a question first.</p>"
            return
        # the answer to a question of one's own is not known, so nobody is said to be right
        self.asked = self.questions.get(text) or Question("own", text, "")
        self.ask.disabled = True
        try:
            for name in self.names:
                self.said[name] = self.ask_model(name, text)
                self._show()
        except ValueError as error:  # too long for a model, say: the page goes on
            self.card.value += f"<p>{escape(str(error))}</p>"
        finally:
            self.ask.disabled = False
        self.inside.options = [NOTHING, *self.said]

    def _show(self) -> None:
        asked = self.asked
        if asked is None:
            return
        texts = [self._rationale(asked, said) for said in self.said.values()]
        slips = [find_slips(asked, one.text, self.task) for one in texts]
        card = cards.side_by_side(
            asked, texts, names=[*self.said], slips=slips, is_judged=bool(asked.answer)
        )
        self.card.value = str(card.data)

    def _rationale(self, asked: Question, said: Said) -> Rationale:
        ended = {"is_complete": said.is_complete}
        if asked.answer:
            return answers.to_rationale(said.text, asked, self.task, "student", **ended)
        text, _ = answers.split_completion(said.text, self.task)
        found = answers.extract(said.text, self.task).flexible
        return Rationale(asked.id, text, found, "student", is_correct=False, **ended)

    def _look(self, _: object = None) -> None:
        said, before = self.said.get(str(self.inside.value)), self.below.children
        self.below.children = ()
        _close(before)
        if said is None or self.asked is None:
            return
        try:
            view = soft_label_microscope(self.look(self.asked.text, said.text))
        except ValueError as error:
            view = HTML(f"<p>{escape(str(error))}</p>")
        self.below.children = (view,)


def _close(widgets: Sequence[Widget]) -> None:
    """Close widgets with all that they hold; the kernel would keep them for ever."""
    for widget in widgets:
        _close(getattr(widget, "children", ()))
        for part in ("layout", "style"):  # widgets as well
            if isinstance(held := getattr(widget, part, None), Widget):
                held.close()
        widget.close()


def question_page(
    names: Sequence[str],
    questions: Sequence[Question],
    *,
    task: Task,
    ask: Ask,
    look: Look,
) -> QuestionPage:
    """Return a page on which a question is asked, answered by several models, and looked into.

    Args:
        names: of the models, in the order of the columns.
        questions: to choose from; their answers are known, so right and wrong are shown.
        task: how answers are read, and which slips are marked.
        ask: (model, question's text) -> what it writes.
        look: (question's text, completion) -> what the models expect at every token of it.

    Raises:
        ValueError: there are no models or no questions.
    """
    if not names or not questions:
        raise ValueError(f"a page needs models and questions, got {names} and {len(questions)}")
    return QuestionPage(names, questions, task, ask, look)
