"""Texts that no model should write, for all that reads what models write.

Extraction, process checks, kinds of errors and steps never raise, and their time grows with the
length of a text and not with its square: regular expressions can do worse than either.
"""

import random
import time
from collections.abc import Callable

from mkdkit.evaluation import error_kinds
from mkdkit.records import Question
from mkdkit.tasks import answers, checks, procedural, steps
from mkdkit.tasks.catalogue import TASKS, Task

PIECES = [
    *("-->", "Therefore, the answer is", "the answer is", "\\boxed{", "}", "####", "Q:", "A:"),
    *("(A)", "(B", "C)", "A.", "yes", "No", "not", "heads up", "tails", "flips", "does not flip"),
    *("Alice", "Bob", "Émile", "O'Neil", "Alice and Bob swap", "has the", "red ball", "gift"),
    *(
        "3",
        "12",
        "-7",
        "3.5",
        "1,000",
        "1/2",
        "½",
        "$5",
        "50%",
        "1e9",
        "0x1F",
        "٣",
        "²",
        "∞",
        "NaN",
    ),
    *("+", "-", "*", "/", "=", "==", "≈", "<", ">", "×", "÷", "^", "(", ")", "plus", "minus", "is"),
    *("05/03/2004", "13/45/0000", "March 5, 2004", "Feb 30", "yesterday", "a week ago", "days"),
    *('"Elena" is "a"', '"n" + "a" = "na"', "last letter of", "n-a", "'", '"', "“", "”"),
    *(".", ",", ";", ":", "!", "?", "\n", "\n\n", "\t", " ", "  ", "\u2028", "\u00a0", "\r\n"),
    *("\0", "\x1b[31m", "\ufeff", "\ud7ff", "\U0001f600", "e\u0301", "\u202e", "<b>", "</script>"),
    *("So", "Then", "First", "Step 1:", "- ", "* ", "1. ", "answer", "the", "and", "of"),
]
LONG = 20_000  # characters of a text in which a piece comes again and again
SECONDS = 5.0  # of a processor, that no reader may take for a long text
Reads = Callable[[Question, str, Task], object]


def _extract(question: Question, text: str, task: Task) -> object:
    found = answers.extract(text, task)
    return answers.same_answer(found.flexible, question.answer, task), found


def _kinds(question: Question, text: str, task: Task) -> object:
    rationale = answers.to_rationale(text, question, task, "student")
    return error_kinds.kind_of(question, rationale, task)


READS: dict[str, Reads] = {
    "extract": _extract,
    "split": lambda question, text, task: answers.split_completion(text, task),
    "next question": lambda question, text, task: answers.cut_next_question(text),
    "slips": lambda question, text, task: checks.find_slips(question, text, task),
    "holding": lambda question, text, task: checks.find_holding(text, task),
    "kinds": _kinds,
    "steps": lambda question, text, task: steps.first_parting([text, text[::-1]]),
    "read question": lambda question, text, task: (
        procedural.read_puzzle(Question("q", text if text.strip() else "?", "1"), task.name)
        if task.name in procedural.FAMILIES
        else None
    ),
}


def question_of(task: Task) -> Question:
    """A question of the task; of recorded tasks, one that could be."""
    if task.name in procedural.FAMILIES:
        return procedural.make_questions(task.name, 1, seed=0)[0]
    text = "Ana has 3 pens and buys 12. Which is it? (A) 15 (B) 9 (C) 3"
    right = {"choice": "A", "yes_no": "yes", "letters": "na"}.get(task.answer_type, "15")
    return Question("q/0", text, right)


QUESTIONS = {name: question_of(task) for name, task in TASKS.items()}


def draw(source: random.Random) -> str:
    """A short text of any pieces, or a long one of a few that come again and again."""
    if source.random() < 0.9:
        joint = source.choice([" ", "", "\n"])
        return joint.join(source.choices(PIECES, k=source.randrange(1, 60)))
    piece = source.choice([" ", ""]).join(source.choices(PIECES, k=source.randrange(1, 4)))
    return (piece * (1 + LONG // max(1, len(piece))))[:LONG] + source.choice(PIECES)


def fault(text: str, task: Task) -> str | None:
    """Which reader failed on a text or took too long, and how; None: all read it."""
    for name, read in READS.items():
        began = time.process_time()
        try:
            read(QUESTIONS[task.name], text, task)
        except Exception as error:
            return f"{name} of {task.name}: {type(error).__name__}: {error}"
        if (taken := time.process_time() - began) > SECONDS:
            return f"{name} of {task.name}: {taken:.1f} s for {len(text)} characters"
    return None
