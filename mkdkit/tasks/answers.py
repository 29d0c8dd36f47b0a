"""From a completion to an answer, and whether it is the right one.

Two results are kept apart. *Strict*: the answer after an answer mark, what a fine-tuned model was
taught to write. *Flexible*: the same or, without a mark, the last answer of the text, fairer to a
model that was never shown the mark.

Which mark counts, if there are several: first, everything from an invented next question on
("Q: ...") is cut, because a few-shot model goes on to invent one after its answer. Then the last
mark that is followed by an answer counts, because a chain may hold an arrow or "the answer is"
inside ("3 boxes --> 12 pens"), and an answer comes last.
"""

import re
from dataclasses import dataclass

from mkdkit.records import Question, Rationale, Source
from mkdkit.settings import Template
from mkdkit.tasks import extractors, forms, numbers
from mkdkit.tasks.catalogue import Task
from mkdkit.tasks.free_form import same_expression

ARROW = "-->"
THEREFORE = "Therefore, the answer is"

_MARK = re.compile(
    r"-->|####|\\boxed\s?\{"
    r"|(?:\b(?:therefore|thus|hence|so),? )?(?:\bthe )?(?:\b(?:final|correct|right) )?"
    r"\b(?:answer is|(?:correct|right) (?:choice|option) is)(?! not\b)\s?:?"
    # not "to find the answer:" or "let us check our answer:", which announce steps
    r"|(?<![\w,'\u2019] )\b(?:(?:therefore|thus|hence|so),? )?(?:(?:the|my|our) )?"
    r"(?:(?:final|correct|right) )?answer:(?! not\b)",
    re.IGNORECASE,
)
_NEXT_QUESTION = re.compile(r"(?<=\s)(?:Q|Question)(?: ?[0-9]{1,4})?:")


@dataclass(frozen=True, slots=True)
class Extraction:
    """The answer of one completion, read strictly and flexibly; None where there is none."""

    strict: str | None  # after an answer mark
    flexible: str | None  # the same or, without a mark, the last answer of the text


def extract(completion: str, task: Task) -> Extraction:
    """Return the answer a completion gives to a question of this task.

    Examples (multi_step_arithmetic, then tracking_shuffled_objects):
        "20 - 5 = 15 --> 15" is 15, strict; "so she has 15 left." is 15, flexible only.
        "Answer: C" is C, strict; "... Claire has the ball" is no answer.
    """
    text = cut_next_question(completion)
    _, strict = _last_answer(text, task)
    if strict is not None:
        return Extraction(strict, strict)
    return Extraction(None, _read(text, task, marked=False))


def read_answer(text: str, task: Task) -> str | None:
    """Return the answer in a text that is an answer alone (" (C).", "25.0", " five"), or None."""
    return _read(text, task, marked=True)


def _read(text: str, task: Task, *, marked: bool) -> str | None:
    return extractors.extract(text, task.answer_type, task.options, marked=marked)


def cut_next_question(completion: str) -> str:
    """Return the completion up to a next question the model invented ("... 15. Q: Tom ...")."""
    return _NEXT_QUESTION.split(completion.strip(), maxsplit=1)[0].rstrip()


def _last_answer(text: str, task: Task | None) -> tuple[int, str | None]:
    """Return where the mark that counts begins, and the answer after it; (-1, None) if none.

    Each mark is read up to the next one, so the whole costs one pass over the text. Without a
    task any text after a mark is an answer.
    """
    marks = list(_MARK.finditer(text))
    end = len(text)
    for mark in reversed(marks):
        tail, end = text[mark.end() : end], mark.start()
        if mark[0].startswith("\\"):
            tail = _inside_braces(tail)
        answer = _read(tail, task, marked=True) if task else tail.strip() or None
        if answer is not None:
            return mark.start(), answer
    return -1, None


def find_marked_answer(completion: str, task: Task) -> int | None:
    """Return the character at which the answer begins, behind the mark that counts; None without.

    >>> from mkdkit.tasks import catalogue
    >>> text = "3 + 4 = 7. --> 7"
    >>> text[find_marked_answer(text, catalogue.find("svamp")) :]
    ' 7'
    """
    text = cut_next_question(completion)
    start, _ = _last_answer(text, task)
    mark = _MARK.match(text, start) if start >= 0 else None
    return mark.end() if mark else None


def _inside_braces(text: str) -> str:
    """Return the text up to the brace that closes the one already open."""
    depth = 1
    for match in re.finditer(r"[{}]", text):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return text[: match.start()]
    return text


def split_completion(completion: str, task: Task | None = None) -> tuple[str, str | None]:
    """Return the rationale and the answer's text after the mark; (text, None) without a mark.

    With a task, only marks followed by an answer of its type count, and the answer comes
    extracted; without one, any text after a mark does.
    """
    text = cut_next_question(completion)
    start, answer = _last_answer(text, task)
    return (text.strip(), None) if start < 0 else (text[:start].strip(), answer)


def to_rationale(
    completion: str,
    question: Question,
    task: Task,
    source: Source,
    *,
    is_complete: bool = True,
) -> Rationale:
    """Return the record of what a model wrote for a question, graded by the flexible answer."""
    prediction = extract(completion, task).flexible
    return Rationale(
        question_id=question.id,
        text=split_completion(completion, task)[0],
        prediction=prediction,
        source=source,
        is_correct=same_answer(prediction, question.answer, task),
        is_complete=is_complete,
    )


def completion_text(rationale_text: str, answer: str, template: Template) -> str:
    """Return the text a model learns to write: rationale, mark, answer.

    The rationale loses what would be a second mark: in it, arrows become "->" and "Therefore, the
    answer is" becomes "This gives". With no rationale, mark and answer are left.

    >>> completion_text("3 + 4 = 7.", "7", "arrow")
    '3 + 4 = 7. --> 7'
    >>> completion_text("3 + 4 = 7.", "7", "therefore")
    '3 + 4 = 7. Therefore, the answer is 7.'
    """
    text = re.sub("-{2,}>", "->", rationale_text.strip())
    text = re.sub(re.escape(THEREFORE), "This gives", text, flags=re.IGNORECASE)
    if template == "arrow":
        return f"{text} {ARROW} {answer}".strip()
    if template != "therefore":
        raise ValueError(f'template must be "arrow" or "therefore", got {template!r}')
    if text and text[-1] not in ".!?":
        text += "."
    return f"{text} {THEREFORE} {answer}.".strip()


def find_conclusion(completion: str) -> int:
    """Return the character at which the rationale tells its answer; mark and answer follow.

    It is behind the answer mark in the rationale's last sentence, or else where that begins.

    >>> text = completion_text("Ann has the lamp. So the answer is (B) lamp.", "B", "arrow")
    >>> text[find_conclusion(text) :]
    '(B) lamp. --> B'
    """
    start, _ = _last_answer(completion, None)
    # a mark of its own at the end; where the last sentence holds the mark, the answer is in it
    body = completion[: start if completion[start:].startswith((ARROW, THEREFORE)) else None]
    body = body.rstrip()
    last = forms.sentences(body.rpartition("\n")[2])[-1]
    mark = _MARK.search(last)
    return len(body) - len(last) + (mark.end() if mark else 0)


def find_answer(completion: str, answer: str) -> tuple[int, int]:
    """Return from which to which character a completion first tells the answer it ends in.

    Before its conclusion an option's letter may stand for another thing, or a number be another's.

    >>> text = completion_text("Ann has the lamp. So the answer is (B) lamp.", "B", "arrow")
    >>> text[slice(*find_answer(text, "B"))], text.index("(B)")
    ('B', 35)
    """
    start, word = find_conclusion(completion), re.escape(answer.strip())
    for told in (rf"(?<=\(){word}(?=\))", rf"(?<!\w){word}(?!\w)"):  # "A ball" is no option A
        if found := re.compile(told, re.IGNORECASE).search(completion, start):
            return found.span()
    start = completion.rindex(answer.strip())  # its own last sentence was taken for a conclusion
    return start, start + len(answer.strip())


def same_answer(prediction: str | None, answer: str, task: Task) -> bool:
    """Return whether a prediction is the reference answer; None never is.

    Numbers compare by value ("18.0" = "18", "1,250" = "$1250", "1/2" = "0.5"), up to a
    millionth, for floats that were printed. Letters compare without case: the words are names,
    written with capitals, and the references are in lower case. Choices compare by letter
    ("C. a river" = "C").

    Raises:
        ValueError: the reference answer is not of the task's type.
    """
    reference = read_answer(answer, task)
    if reference is None:
        kind = f"{task.answer_type} ({task.options})" if task.options else task.answer_type
        message = f"task {task.name!r} needs answers of type {kind}, got {answer!r:.80}"
        raise ValueError(message + "; correct the question's answer, or choose another task")
    if prediction is None:
        return False
    if task.answer_type == "number":
        return _same_number(_read(prediction, task, marked=True), reference)
    if task.answer_type == "free_form":
        return same_expression(prediction, answer)
    if task.answer_type == "letters":  # the reference is the whole text; it may have an odd sign
        return prediction.strip().casefold() == answer.strip().casefold()
    given = _read(prediction, task, marked=True)
    return given is not None and given.casefold() == reference.casefold()


def _same_number(prediction: str | None, reference: str) -> bool:
    given, wanted = numbers.number_value(prediction or ""), numbers.number_value(reference)
    if given is None or wanted is None:
        return False
    return abs(given - wanted) * 1_000_000 <= max(1, abs(wanted))
