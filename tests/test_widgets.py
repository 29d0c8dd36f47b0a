"""The rationale browser shows what its menus select, and nothing else changes."""

import pytest

from mkdkit.records import Question, Rationale
from mkdkit.show import cards
from mkdkit.show.widgets import rationale_browser
from mkdkit.tasks.catalogue import find

PENS = Question("pens", "Mia has 3 pens and gets 4. How many has she?", "7")
CARDS = Question("cards", "Tom has 9 cards & loses 2. How many are left?", "7")
RIGHT = Rationale("pens", "3 + 4 = 7.", "7", "teacher", True)
FALSE = Rationale("pens", "3 + 4 = 8.", "8", "teacher", False)
SILENT = Rationale("cards", "Tom has 9.", None, "teacher", False)


def test_it_opens_on_the_first_rationale_of_the_first_question():
    question, number, card = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE]).children
    assert question.value == "pens"
    assert list(number.options) == ["1: right", "2: wrong"]
    assert card.value == cards.rationale_card(PENS, RIGHT).data


def test_the_menus_select_the_card():
    question, number, card = rationale_browser([PENS, CARDS], [SILENT, RIGHT, FALSE]).children
    number.index = 1
    assert card.value == cards.rationale_card(PENS, FALSE).data
    question.value = "cards"
    assert list(number.options) == ["1: no answer"]
    assert card.value == cards.rationale_card(CARDS, SILENT).data
    question.value = "pens"  # from number 1 to number 1: the card must still change
    assert card.value == cards.rationale_card(PENS, RIGHT).data


def test_slips_are_marked_for_a_task_with_a_process_check():
    task = find("multi_step_arithmetic")
    *_, number, card = rationale_browser([PENS], [RIGHT, FALSE], task=task).children
    assert "<mark" not in card.value
    number.index = 1
    assert "<mark" in card.value


def test_questions_without_a_rationale_are_not_in_the_menu():
    question, *_ = rationale_browser([CARDS, PENS], [RIGHT]).children
    assert [value for _, value in question.options] == ["pens"]


def test_texts_are_escaped():
    *_, card = rationale_browser([CARDS], [SILENT]).children
    assert "9 cards &amp; loses" in card.value


def test_rationales_of_other_questions_are_an_error():
    with pytest.raises(ValueError, match="got 1 questions and 2 rationales that answer none"):
        rationale_browser([CARDS], [RIGHT, FALSE])
