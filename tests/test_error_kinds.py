"""Kinds of mistakes: one chain of each kind written by hand, and the published ones."""

import warnings
from dataclasses import replace

import pytest

from mkdkit.evaluation.error_kinds import KINDS, kind_of, sort_by_kind
from mkdkit.records import Question, Rationale
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import answers, catalogue
from mkdkit.teachers import recorded
from mkdkit.teachers.question_sets import read_all_questions

PENS = Question("1", "Tom has 35 pens, gets 17 and loses thirty. How many has he now?", "22")
ROOMS = Question(
    "1",
    "Ann, Bob and Cid each sit in one room. Ann is in the hall, Bob is in the garage and Cid is in "
    "the office. First, Ann and Bob swap. Last, Bob and Cid swap. Where is Cid at the end? "
    "(A) hall (B) garage (C) office",
    "A",
)
COIN = Question(
    "1",
    "A coin is heads up at the start. Ann flips it. Bob does not flip it. Cid flips it. "
    "Is the coin tails up at the end?",
    "no",
)
NAMES = Question(
    "1", 'Write the last letter of each name in "Ann Bob Cid" one after another.', "nbd"
)
DATES = Question(
    "1",
    "Today is 03/05/2021. The trip is 4 days after today. The party is 2 days after the trip. "
    "What is the date of the party? (A) 03/11/2021 (B) 03/12/2021 (C) 03/10/2021 (D) 02/11/2021 "
    "(E) 04/11/2021 (F) 03/09/2021",
    "A",
)
ROOMS_AT_FIRST = "Ann is in the hall, Bob is in the garage and Cid is in the office."
HAND_WRITTEN = [
    (PENS, "svamp", "35 + 17 = 42. 42 - 30 = 12. --> 12", "arithmetic slip"),
    (PENS, "svamp", "46 + 17 = 63. 63 - 30 = 33. --> 33", "wrong reading"),
    (PENS, "svamp", "46 + 17 = 65. 65 - 30 = 35. --> 35", "wrong reading"),  # before its sum
    (PENS, "svamp", "35 + 17 = 52. 54 - 30 = 24. --> 24", "lost state"),
    (PENS, "svamp", "35 + 17 = 52. 52 - 30 = 22. --> 52", "wrong conclusion"),
    (PENS, "svamp", "35 + 17 = 52. So he has 52. --> 52", "other"),  # a plan that forgets the loss
    (PENS, "svamp", "17 - 30 = -13, so 13 are lost. 35 - 14 = 21. --> 21", "lost state"),
    (PENS, "svamp", "He has 35 and 17 pens.", "other"),
    (PENS, "svamp", "He has some pens", "no answer"),
    (PENS, "svamp", "35 + 17 = 52. 52 - 30 = 22. --> 22", "right"),
    (PENS, "svamp", "35 + 17 = 51. 52 - 30 = 22. --> 22", "right on flawed reasoning"),
    (
        ROOMS,
        "tso",
        f"{ROOMS_AT_FIRST} Ann and Bob swap: Ann garage, Bob garage, Cid office. "
        "Bob and Cid swap: Ann garage, Bob office, Cid garage. --> B",
        "lost state",
    ),
    (
        ROOMS,
        "tso",
        "Ann is in the garage, Bob is in the hall and Cid is in the office. "
        "Ann and Bob swap: Ann hall, Bob garage, Cid office. "
        "Bob and Cid swap: Ann hall, Bob office, Cid garage. --> B",
        "wrong reading",
    ),
    (
        ROOMS,
        "tso",
        f"{ROOMS_AT_FIRST} Ann and Bob swap: Ann garage, Bob hall, Cid office. "
        "Bob and Cid swap: Ann garage, Bob office, Cid hall. --> B",
        "wrong conclusion",
    ),
    (
        ROOMS,
        "tso",
        "At the end Cid is in the garage. Ann and Bob swap. Bob and Cid swap. --> B",
        "lost state",
    ),  # the answer told first is no start that was misread
    (ROOMS, "tso", "They swap twice. --> B", "other"),
    (
        COIN,
        "coin_flip",
        "It is heads. After Ann it is tails. After Bob it is heads. "
        "After Cid it is tails. It is tails: yes. --> yes",
        "lost state",
    ),
    (COIN, "coin_flip", "It starts tails. After Ann it is heads. --> yes", "wrong reading"),
    (
        COIN,
        "coin_flip",
        "Ann, Bob and Cid flip it. 3 is odd. It is tails. --> yes",
        "wrong reading",
    ),
    (COIN, "coin_flip", "Ann flips it. 1 is odd. It is tails. --> yes", "wrong reading"),
    (COIN, "coin_flip", "Ann and Cid flip it. 2 is odd. It is tails. --> yes", "arithmetic slip"),
    (
        COIN,
        "coin_flip",
        "It is heads. After Ann it is tails. After Bob it is still tails. "
        "After Cid it is heads. At the end it is heads, as asked. --> yes",
        "wrong conclusion",
    ),
    (COIN, "coin_flip", "It was flipped. --> yes", "other"),
    (
        NAMES,
        "llc",
        "Ann ends in n. Bob ends in o. Cid ends in d. The letters make nod. --> nod",
        "lost state",
    ),
    (NAMES, "llc", "Ann: n. Bob: b. Cid: d. Together: nbbd. --> nbbd", "lost state"),
    (NAMES, "llc", "Ann: n. Cid: d. Together: nd. --> nd", "wrong reading"),
    (NAMES, "llc", "Ann: n. Bob: b. Cid: d. Together: nbd. --> nbb", "wrong conclusion"),
    (NAMES, "llc", "Here they are. --> xyz", "other"),
    (DATES, "date", "Today is 03/06/2021. The trip is on 03/10/2021. --> B", "wrong reading"),
    (
        replace(DATES, text=DATES.text.replace("Today is 03/05", "Yesterday was 03/04")),
        "date",
        "Today is 03/06/2021. The trip is on 03/10/2021. --> B",
        "lost state",
    ),
    (DATES, "date", "The trip is on 03/09/2021. The party is on 03/12/2021. --> B", "lost state"),
    (DATES, "date", "03/05/2021 + 4 days = 03/10/2021. --> B", "arithmetic slip"),
    (DATES, "date", "The party is on 03/11/2021, so (B) 03/11/2021. --> B", "wrong conclusion"),
    (DATES, "date", "It is later. --> B", "other"),
]


def wrote(question, text, task, *, is_complete=True):
    return answers.to_rationale(text, question, task, "student", is_complete=is_complete)


def find(name):
    return catalogue.find(catalogue.SHORT_NAMES.get(name, name))


@pytest.mark.parametrize(("question", "name", "text", "kind"), HAND_WRITTEN)
def test_the_first_mistake_names_the_kind(question, name, text, kind):
    task = find(name)
    assert kind_of(question, wrote(question, text, task), task) == kind


def test_a_text_that_ran_out_of_room_was_cut_off_whatever_is_wrong_in_it():
    task = find("svamp")
    text = "35 + 17 = 42. 42 - 30 ="
    assert kind_of(PENS, wrote(PENS, text, task, is_complete=False), task) == "cut off"
    assert kind_of(PENS, wrote(PENS, text, task), task) == "arithmetic slip"
    right = wrote(PENS, "35 + 17 = 52. 52 - 30 = 22", task, is_complete=False)
    assert kind_of(PENS, right, task) == "right"


def test_without_a_check_a_wrong_answer_that_is_there_is_other():
    task = catalogue.find("commonsense_qa")
    question = Question("1", "Where does one sit? (A) lamp (B) chair", "B")
    assert kind_of(question, wrote(question, "3 + 4 = 8. --> A", task), task) == "other"


@pytest.mark.parametrize(
    "sum_of",
    [
        "35 + 17 = 52",
        "35 - 30 = 5",  # thirty is written as a word
        "35 x 2 = 70",
        "52 - 17 = 35",  # 35 + 17 in the head
        "Say he has 99. 99 - 30 = 69",  # stands before it
        "24 + 17 = 41",  # hours, for all that is known
    ],
)
def test_a_number_that_may_come_from_somewhere_is_not_called_foreign(sum_of):
    task = find("svamp")
    assert kind_of(PENS, wrote(PENS, f"{sum_of}. --> 1", task), task) == "other"


def test_every_answer_is_in_one_kind_once_and_in_reading_order():
    task = find("svamp")
    pens = [one for one in HAND_WRITTEN if one[1] == "svamp"]
    questions = [replace(PENS, id=str(number)) for number in range(len(pens))]
    read = [
        wrote(question, text, task)
        for question, (_, _, text, _) in zip(questions, pens, strict=True)
    ]
    kinds = sort_by_kind(read, questions=questions, task=task)
    assert tuple(kinds) == KINDS
    assert [one for kind in kinds.values() for one in kind] == sorted(
        read, key=lambda one: (KINDS.index(pens[int(one.question_id)][3]), int(one.question_id))
    )


def test_an_answer_to_no_question_is_refused():
    lost = Rationale("9", "text", None, "student", False)
    with pytest.raises(ValueError, match="answers question '9', which is not given"):
        sort_by_kind([lost], questions=[PENS], task=find("svamp"))


def published(folder, name, kind):
    settings = QuestionSettings(
        source="mentor-kd", data_dir=str(folder), task=name, train=None, test=None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # questions that stand twice
        whole = read_all_questions(settings)
        questions = [*whole.train, *whole.validation, *whole.test]
        rationales = recorded.read_rationales_for(settings, questions, kind=kind)
    return sort_by_kind(rationales, questions=questions, task=find(name)), rationales


@pytest.mark.parametrize(
    ("name", "most", "share"),
    [
        ("tracking_shuffled_objects", "lost state", 0.7),
        ("svamp", "arithmetic slip", 0.45),
        ("last_letter_concatenation", "lost state", 0.6),
    ],
)
def test_a_published_mentor_mostly_fails_in_what_its_task_asks(published_data, name, most, share):
    kinds, rationales = published(published_data, name, "mentor")
    assert sum(map(len, kinds.values())) == len(rationales)
    assert sum(len(kinds[kind]) for kind in ("right", "right on flawed reasoning")) == sum(
        one.is_correct for one in rationales
    )
    wrong = {kind: len(kinds[kind]) for kind in KINDS if not kind.startswith("right")}
    del wrong["other"]
    assert max(wrong, key=lambda kind: wrong[kind]) == most
    assert wrong[most] > share * sum(not one.is_correct for one in rationales)


def test_of_published_right_chains_next_to_none_has_a_number_from_nowhere(published_data):
    # called wrong here, they can be accused of nothing but such a number
    kinds, _ = published(published_data, "svamp", "teacher")
    settings = QuestionSettings(source="mentor-kd", data_dir=str(published_data), task="svamp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        questions = {one.id: one for one in read_all_questions(settings).train}
    right = kinds["right"]
    assert len(right) > 1500
    blamed = [
        one
        for one in right
        if kind_of(
            replace(questions[one.question_id], answer="-987"),
            replace(one, is_correct=False),
            find("svamp"),
        )
        != "other"
    ]
    assert len(blamed) <= len(right) / 1000
