"""Whatever a model writes, what reads it does not raise, and takes time in proportion."""

import gc
import random
import time

import pytest
import texts

from mkdkit.records import Question
from mkdkit.tasks import checks, forms, procedural
from mkdkit.tasks.catalogue import TASKS, find


@pytest.mark.parametrize("name", TASKS)
def test_texts_of_any_pieces_are_read(name):
    source = random.Random(name)
    for _ in range(60):
        text = texts.draw(source)
        assert texts.fault(text, TASKS[name]) is None, text[:300]


# each cost the square of its length, or worse, before it was found
LONG = {
    "gaps": ("multi_step_arithmetic", "read question", "( has the"),
    "numbers": ("gsm8k", "kinds", "=13/45/0000Then"),
    "name": ("coin_flip", "read question", "3"),
}


@pytest.mark.parametrize("case", LONG)
def test_twice_the_length_is_not_four_times_the_time(case):
    task, reader, piece = LONG[case]

    def seconds(length):  # of this thread alone, without what Python cleans up in between
        text = piece * (length // len(piece))
        gc.disable()
        began = time.thread_time()
        texts.READS[reader](texts.QUESTIONS[task], text, find(task))
        took = time.thread_time() - began
        gc.enable()
        return took

    short, long = (min(seconds(length) for _ in range(3)) for length in (20_000, 80_000))
    assert long < 8 * max(short, 0.05), (short, long)


def test_a_reader_that_raises_or_is_slow_is_found(monkeypatch):
    """The harness itself can fail."""
    task = find("svamp")

    def crash(*_):
        raise RecursionError

    monkeypatch.setitem(texts.READS, "slips", crash)
    assert texts.fault("3 + 4 = 7", task).startswith("slips of svamp: RecursionError")
    monkeypatch.setattr(texts, "SECONDS", -1.0)
    assert " s for 9 characters" in texts.fault("3 + 4 = 7", task)


def test_a_number_is_known_once_it_stood_there_and_not_before():
    """What an earlier equation gives is known to a later one; the other way round it is foreign."""
    question = Question("q", "Ann has 31 pens and gets 52.", "83")
    for order, kind in (("83 - 31 = 52", "right order"), ("31 + 52 = 83", "from the question")):
        assert checks.find_slips(question, order, find("gsm8k")) == [], kind
    first, later = "7 * 411 = 2877", "2877 + 31 = 2908"

    def foreign(text):
        return [slip.start for slip in texts.error_kinds._foreign_numbers(question, text)]

    # 411 comes from nowhere; 2877 is known where it stood before
    assert foreign(f"{first}. {later}.") == [0]
    assert foreign(f"{later}. {first}.") == [0, len(later) + 2]


def test_no_question_that_is_made_has_longer_gaps_than_are_read():
    for task in procedural.FAMILIES:
        for question in procedural.make_questions(
            task, 100, seed=5, steps=procedural.FAMILIES[task].most_steps
        ):
            assert procedural.read_puzzle(question, task) is not None
    assert forms.fit("{who} has {n}.", "A" * (forms.LONGEST + 1) + " has 3.") is None
