"""Which rationales are kept to learn from: every one is kept, or dropped for one named reason.

The papers ask for a right answer and nothing else (Fine-tune-CoT, Mentor-KD); the other rules are
settings. A rationale that breaks several rules is dropped for the first of them, in the order of
`REASONS`:

- "no answer" (`correct_only`): no answer could be extracted from what the model wrote.
- "wrong answer" (`correct_only`): there is one, and it is not the question's.
- "flawed reasoning" (`check_reasoning`): the task's process check finds a slip in the text.
- "cannot be encoded" (`encodable_only`): the tokenizer does not know some of its characters.
- "too long" (`max_tokens`): prompt and completion are more tokens than allowed; none is cut.
- "duplicate" (`drop_duplicates`): for the same question, a rationale kept before it has the same
  text and prediction, however blanks and line breaks are set.
- "over the limit" (`max_per_question`): the question already has its number of kept rationales.

Where no answer is known, a vote decides (`evaluation.voting.rules`), and its reasons come first:

- "no majority": too small a share of the question's rationales agree, or two answers are level.
- "against the vote": the answer is not that of the majority.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mkdkit.records import Question, Rationale, by_id
from mkdkit.sequences import Index, digest
from mkdkit.settings import FilterSettings
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.checks import find_slips

REASONS = (
    "no answer",
    "wrong answer",
    "flawed reasoning",
    "cannot be encoded",
    "too long",
    "duplicate",
    "over the limit",
)

Rule = Callable[[Question, Rationale], bool]  # True: it is to be dropped


@dataclass(frozen=True, slots=True)
class Filtered:
    """A split of the rationales: every one is either kept or dropped for one reason."""

    kept: Sequence[Rationale]
    dropped: dict[str, list[Rationale]]  # reason -> rationales, both in reading order

    def counts(self) -> dict[str, int]:
        """Count each outcome; the sum is the number of rationales read."""
        return {"kept": len(self.kept)} | {why: len(out) for why, out in self.dropped.items()}


def filter_rationales(
    rationales: Iterable[Rationale],
    *,
    first: Mapping[str, Rule] | None = None,
    **rest: Any,
) -> Filtered:
    """Return the rationales that are kept, and the others by the reason they were dropped for.

    Takes what `judge` takes.
    """
    kept: list[Rationale] = []
    dropped: dict[str, list[Rationale]] = {reason: [] for reason in reasons(first)}
    for rationale, reason in judge(rationales, first=first, **rest):
        (kept if reason is None else dropped[reason]).append(rationale)
    return Filtered(kept, dropped)


def reasons(first: Mapping[str, Rule] | None = None) -> tuple[str, ...]:
    """Return all reasons that a rationale can be dropped for, in their order."""
    return (*(first or {}), *REASONS)


def judge(
    rationales: Iterable[Rationale],
    *,
    questions: Sequence[Question],
    task: Task,
    settings: FilterSettings,
    count_tokens: Callable[[Question, Rationale], int] | None = None,
    can_encode: Callable[[str], bool] | None = None,
    is_flawed: Rule | None = None,
    first: Mapping[str, Rule] | None = None,
) -> Iterator[tuple[Rationale, str | None]]:
    """Yield each rationale with the reason it is dropped for; None: it is kept.

    What is held of a question is its number, of a kept rationale a digest.

    Args:
        rationales: in the order in which duplicates and the limit are decided: the first stay.
        questions: the questions they answer.
        task: gives the process check.
        settings: which rules are on.
        count_tokens: (question, rationale) -> tokens of prompt and completion together; None:
            nothing is "too long".
        can_encode: text -> whether the tokenizer knows all of it; None: everything can be encoded.
        is_flawed: (question, rationale) -> whether there is a slip in it; None: as the task's
            process check says.
        first: reason -> rule, for rules that come before all others.

    Raises:
        ValueError: a rationale belongs to none of the questions, or two questions share an id.
    """
    known = _by_id(questions)
    seen: set[int] = set()  # digests of what was kept so far
    counts = array("q", bytes(8 * len(questions)))  # how many were kept of each question
    is_flawed = is_flawed or (lambda question, one: bool(find_slips(question, one.text, task)))
    rules = {**(first or {}), **_rules(settings, is_flawed, count_tokens, can_encode)}
    limit = settings.max_per_question

    for rationale in rationales:
        place = known.place(rationale.question_id)
        if place is None:
            message = f"a rationale answers question {rationale.question_id!r}, which is not given"
            raise ValueError(message + "; pass the questions it was written for")
        question = questions[place]
        reason = next((why for why, rule in rules.items() if rule(question, rationale)), None)
        if reason is None and settings.drop_duplicates and _key(rationale) in seen:
            reason = "duplicate"
        if reason is None and limit is not None and counts[place] >= limit:
            reason = "over the limit"
        if reason is None:
            seen.add(_key(rationale))
            counts[place] += 1
        yield rationale, reason


def _rules(
    settings: FilterSettings,
    is_flawed: Rule,
    count_tokens: Callable[[Question, Rationale], int] | None,
    can_encode: Callable[[str], bool] | None,
) -> dict[str, Rule]:
    """Return the rules in force that look at one rationale alone, by reason, in order."""
    rules: dict[str, Rule] = {}
    if settings.correct_only:
        rules["no answer"] = lambda question, rationale: rationale.prediction is None
        rules["wrong answer"] = lambda question, rationale: not rationale.is_correct
    if settings.check_reasoning:
        rules["flawed reasoning"] = is_flawed
    if settings.encodable_only and can_encode is not None:
        rules["cannot be encoded"] = lambda question, rationale: not can_encode(rationale.text)
    if (most := settings.max_tokens) is not None and count_tokens is not None:
        rules["too long"] = lambda question, rationale: count_tokens(question, rationale) > most
    return rules


def _by_id(questions: Sequence[Question]) -> Index[Question]:
    known = by_id(questions)
    if (twice := known.repeated()) is not None:
        raise ValueError(f"question id {questions[twice].id!r} stands twice; ids must differ")
    return known


def _key(rationale: Rationale) -> int:
    text = " ".join(rationale.text.split())
    return digest("\0".join((rationale.question_id, text, repr(rationale.prediction))))
