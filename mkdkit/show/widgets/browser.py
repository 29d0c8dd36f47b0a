"""Leafing through rationales: choose by question, source, verdict or words; the card of one."""

from collections import defaultdict
from collections.abc import Sequence

from ipywidgets import HTML, Button, Dropdown, HBox, Text, VBox

from mkdkit.filters import Filtered
from mkdkit.records import Question, Rationale
from mkdkit.show import cards
from mkdkit.show.widgets import menus
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import find_holding, find_slips

EVERY = "all"


class RationaleBrowser(VBox):
    """Menus, a search and three buttons above a card; `shown` is the rationale on the card."""

    shown: Rationale | None

    def __init__(
        self,
        asked: dict[str, Question],
        written: list[Rationale],
        verdicts: list[str | None],
        task: Task | None,
    ) -> None:
        self.asked, self.written, self.verdicts, self.task = asked, written, verdicts, task
        sources = list(dict.fromkeys(one.source for one in written))
        judged = dict.fromkeys(map(_judged, written)) | dict.fromkeys(v for v in verdicts if v)
        self.source = Dropdown(options=[EVERY, *sources], description="source")
        self.verdict = Dropdown(options=[EVERY, *judged], description="verdict")
        self.search = Text(description="search", placeholder="in question and rationale")
        self.question = Dropdown(description="question", layout=menus.WIDE)
        self.number = Dropdown(description="rationale", layout=menus.WIDE)
        self.back, self.forth = Button(description="previous"), Button(description="next")
        self.wrong = Button(description="next wrong one")
        self.place, self.card = HTML(), HTML()
        super().__init__(
            [
                HBox([self.source, self.verdict, self.search]),
                self.question,
                self.number,
                HBox([self.back, self.forth, self.wrong, self.place]),
                self.card,
            ]
        )
        for choice in (self.source, self.verdict, self.search):
            choice.observe(self._narrow, "value")
        self.question.observe(self._list_rationales, "value")
        self.number.observe(self._show, "value")
        self.back.on_click(lambda _: self._turn(-1))
        self.forth.on_click(lambda _: self._turn(1))
        self.wrong.on_click(lambda _: self._turn_to_wrong())
        self._narrow()

    def _narrow(self, _: object = None) -> None:
        """Find what the menus and the search leave, and open the first of it."""
        self.found = [place for place in range(len(self.written)) if self._fits(place)]
        self.of_question = defaultdict(list)
        for place in self.found:
            self.of_question[self.written[place].question_id].append(place)
        titles = [(menus.title_of(self.asked[name]), name) for name in self.of_question]
        menus.fill(self.question, titles, self._list_rationales)
        self._list_rationales()

    def _fits(self, place: int) -> bool:
        one, words = self.written[place], self.search.value.strip().casefold()
        text = f"{one.question_id} {self.asked[one.question_id].text} {one.text}"
        return (
            self.source.value in (EVERY, one.source)
            and self.verdict.value in (EVERY, _judged(one), self.verdicts[place])
            and words in text.casefold()
        )

    def _list_rationales(self, _: object = None) -> None:
        places = self.of_question.get(self.question.value or "", [])
        titles = [f"{n}: {self._summary(place)}" for n, place in enumerate(places, start=1)]
        menus.fill(self.number, list(zip(titles, places, strict=True)), self._show)
        self._show()

    def _summary(self, place: int) -> str:
        one, verdict = self.written[place], self.verdicts[place]
        return f"{one.source}, {_judged(one)}" + (f", {verdict}" if verdict else "")

    def _show(self, _: object = None) -> None:
        place = self.number.value
        if place is None:
            self.shown, self.place.value = None, "none of 0"
            self.card.value = "<p>No rationale fits what is chosen above.</p>"
            return
        self.shown = one = self.written[place]
        question, task = self.asked[one.question_id], self.task
        slips = find_slips(question, one.text, task) if task else []
        holding = find_holding(one.text, task) if task else []
        marks = {"slips": slips, "holding": holding, "verdict": self.verdicts[place]}
        self.card.value = str(cards.rationale_card(question, one, **marks).data)
        self.place.value = f"{self.found.index(place) + 1:,} of {len(self.found):,}"

    def _turn(self, by: int) -> None:
        if (place := self.number.value) is not None:
            here = self.found.index(place)
            self._open(self.found[(here + by) % len(self.found)])

    def _turn_to_wrong(self) -> None:
        place = self.number.value
        here = 0 if place is None else self.found.index(place) + 1
        behind_first = self.found[here:] + self.found[:here]
        wrong = [place for place in behind_first if not self.written[place].is_correct]
        if wrong:
            self._open(wrong[0])
        else:
            self.place.value = "none of these is wrong"

    def _open(self, place: int) -> None:
        self.question.value = self.written[place].question_id
        self.number.value = place


def rationale_browser(
    questions: Sequence[Question],
    rationales: Sequence[Rationale],
    *,
    task: Task | None = None,
    filtered: Filtered | None = None,
) -> RationaleBrowser:
    """Return menus for question, source and verdict, a search, and the card of one rationale.

    Args:
        questions: those without a rationale are left out of the menu.
        rationales: of any sources; a question's are numbered from 1 in this order.
        task: marks the slips its process check finds and the equations that hold; None: nothing is
            marked.
        filtered: what a filter made of these rationales: the verdict menu and the card say it.

    Raises:
        ValueError: none of the rationales answers one of the questions.
    """
    by_id = {question.id: question for question in questions}
    position = {name: number for number, name in enumerate(by_id)}
    written = [one for one in rationales if one.question_id in by_id]
    written.sort(key=lambda one: position[one.question_id])  # stable: a question's stay in order
    if not written:
        rule = "a browser needs questions and rationales for them"
        got = f"{len(questions)} questions and {len(rationales)} rationales that answer none"
        raise ValueError(f"{rule}, got {got}; pass the questions they were written for")
    return RationaleBrowser(by_id, written, _verdicts(written, filtered), task)


def _verdicts(written: Sequence[Rationale], filtered: Filtered | None) -> list[str | None]:
    """Say of each rationale "kept" or why it was dropped; None if the filter did not see it.

    Of two that are the same word for word, the first is the one that was judged first.
    """
    judged: dict[Rationale, list[str]] = defaultdict(list)
    if filtered is not None:
        for one in filtered.kept:
            judged[one].append("kept")
        for reason, dropped in filtered.dropped.items():
            for one in dropped:
                judged[one].append(f"dropped: {reason}")
    return [judged[one].pop(0) if judged.get(one) else None for one in written]


def _judged(one: Rationale) -> str:
    return "no answer" if one.prediction is None else "right" if one.is_correct else "wrong"
