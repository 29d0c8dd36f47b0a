"""The filter bench: every rule of the filter as a switch or a slider, over a whole set at once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from html import escape
from typing import Any

from ipywidgets import HTML, Checkbox, HBox, IntSlider, VBox

from mkdkit.filters import Filtered, filter_rationales
from mkdkit.records import Question, Rationale
from mkdkit.settings import FilterSettings
from mkdkit.show import cards
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import find_slips

SWITCHES = {  # setting -> what it asks for
    "correct_only": "right answers only",
    "check_reasoning": "no slip found in the reasoning",
    "drop_duplicates": "nothing twice",
    "encodable_only": "only characters the tokenizer knows",
}
SLIDERS = {"max_tokens": "tokens at most", "max_per_question": "per question at most"}
EXAMPLES = 3  # rationales shown of what the last change dropped
Measure = Callable[[Question, Rationale], int]


class FilterBench(VBox):
    """Switches and sliders above what they keep.

    `settings` is what they are set to, `filtered` what that keeps and drops.
    """

    settings: FilterSettings
    filtered: Filtered


def filter_bench(
    questions: Sequence[Question],
    rationales: Sequence[Rationale],
    *,
    task: Task,
    settings: FilterSettings | None = None,
    count_tokens: Measure | None = None,
    can_encode: Callable[[str], bool] | None = None,
) -> FilterBench:
    """Return a bench on which every rule of the filter can be tried.

    It shows how many rationales stay, why the others are dropped, how many of the kept are right,
    and what the last change dropped. Tokens and slips are counted once, here: that takes time.

    Args:
        questions: those that are answered.
        rationales: in the order in which duplicates and the limit are decided.
        task: gives the process check.
        settings: where the bench begins; None: the papers' filter.
        count_tokens: (question, rationale) -> tokens of both; None: there is no slider for them.
        can_encode: text -> whether the tokenizer knows all of it; None: there is no such switch.

    Raises:
        ValueError: there are no rationales, or one belongs to none of the questions.
    """
    if not rationales:
        raise ValueError("a filter bench needs rationales to filter, got none")
    questions, rationales = list(questions), list(rationales)  # asked again at every change
    by_id = {question.id: question for question in questions}
    facts: dict[str, Any] = {
        "is_flawed": cache(lambda question, one: bool(find_slips(question, one.text, task))),
        "count_tokens": count_tokens and cache(count_tokens),
        "can_encode": can_encode and cache(can_encode),
    }

    def filtered(chosen: FilterSettings) -> Filtered:
        return filter_rationales(
            rationales, questions=questions, task=task, settings=chosen, **facts
        )

    start, bench, card = settings or FilterSettings(), FilterBench(), HTML()
    bench.settings, bench.filtered = start, filtered(start)  # refuses what does not belong together
    pairs = [(by_id[one.question_id], one) for one in rationales]
    for pair in pairs:  # now, so that no switch has to wait for it
        facts["is_flawed"](*pair)
    highest = {"max_per_question": max(Counter(one.question_id for one in rationales).values())}
    if count_tokens is not None:
        highest["max_tokens"] = max(facts["count_tokens"](*pair) for pair in pairs)

    switches = {
        name: Checkbox(getattr(start, name), description=what, indent=False)
        for name, what in SWITCHES.items()
        if name != "encodable_only" or can_encode is not None
    }
    sliders = {name: _slider(name, most, getattr(start, name)) for name, most in highest.items()}

    def show(_: object = None) -> None:
        chosen: dict[str, Any] = {name: switch.value for name, switch in switches.items()}
        chosen |= {name: _limit(slider, getattr(start, name)) for name, slider in sliders.items()}
        last, bench.settings = bench.filtered, replace(start, **chosen)
        bench.filtered = filtered(bench.settings)
        card.value = _shown(bench.filtered, last, by_id, task)

    for control in (*switches.values(), *sliders.values()):
        control.observe(show, "value")
    show()
    bench.children = (HBox([VBox([*switches.values()]), VBox([*sliders.values()])]), card)
    return bench


def _limit(slider: IntSlider, start: int | None) -> int | None:
    """At its end a slider is no limit; or that of the start, if nothing was as long as that."""
    if slider.value < slider.max:
        return slider.value
    return start if start is None or start >= slider.max else None


def _slider(name: str, most: int, value: int | None) -> IntSlider:
    return IntSlider(
        min=1,
        max=most,
        value=most if value is None else min(value, most),
        description=SLIDERS[name],
        style={"description_width": "11em"},
        layout={"width": "30em"},
    )


def _shown(now: Filtered, last: Filtered, questions: dict[str, Question], task: Task) -> str:
    """What is kept, why the rest is dropped, and what the last change dropped."""
    kept, total = len(now.kept), sum(now.counts().values())
    right = sum(one.is_correct for one in now.kept)
    shares = f"{kept:,} of {total:,} are kept ({100 * kept / total:.1f}%)"
    if kept:
        shares += f"; of the kept, {100 * right / kept:.1f}% have the right answer"
    stays = {id(one) for one in now.kept}
    gone = [one for one in last.kept if id(one) not in stays]
    stayed = {id(one) for one in last.kept}
    back = sum(id(one) not in stayed for one in now.kept)
    change = f"<p>The last change dropped {len(gone):,} and brought back {back:,}.</p>"
    change = change if gone or back else ""
    why = {id(one): reason for reason, dropped in now.dropped.items() for one in dropped}
    examples = ""
    for one in gone[:EXAMPLES]:
        question, slips = questions[one.question_id], ()
        if why[id(one)] == "flawed reasoning":
            slips = find_slips(question, one.text, task)
        examples += f"<details><summary>just dropped: {escape(why[id(one)])}</summary>"
        examples += f"{cards.rationale_card(question, one, slips=slips).data}</details>"
    return f"<p><b>{shares}.</b></p>{cards.filter_card(now, examples=0).data}{change}{examples}"
