"""Votes counted by hand, a vote's rules in the filter, and a model that votes with itself."""

from dataclasses import replace

import pytest

from mkdkit.evaluation import scoring, voting
from mkdkit.evaluation.voting import Vote
from mkdkit.filters import REASONS, filter_rationales
from mkdkit.models import encoding, loading
from mkdkit.records import Question, Rationale
from mkdkit.settings import FilterSettings, SamplingSettings, TrainingSettings
from mkdkit.tasks import catalogue
from mkdkit.teachers import local
from mkdkit.training import loop

NUMBERS = catalogue.find("multi_step_arithmetic")
LETTERS = catalogue.find("last_letter_concatenation")
MATHEMATICS = catalogue.find("mathematics")


@pytest.mark.parametrize(
    ("predictions", "expected"),
    [
        (["7", "5", "7"], Vote("7", 2, 3, is_tied=False)),
        (["5", "7", "7", "5", "3"], Vote("5", 2, 5, is_tied=True)),  # given first
        (["7"], Vote("7", 1, 1, is_tied=False)),
        ([None, None, "7"], Vote("7", 1, 3, is_tied=False)),  # no answer is no candidate
        ([None, None], Vote(None, 2, 2, is_tied=False)),
        (["18.0", "3", "18", "18.00"], Vote("18.0", 3, 4, is_tied=False)),
        (["1/2", "0.5", "2", "2"], Vote("1/2", 2, 4, is_tied=True)),
    ],
)
def test_votes_by_hand(predictions, expected):
    assert voting.vote(predictions, NUMBERS) == expected


def test_answers_that_grading_holds_for_the_same_vote_together():
    found = voting.vote(["Abc", "abc", "xyz", "ABC"], LETTERS)
    assert found == Vote("Abc", 3, 4, is_tied=False)
    assert found.share == 0.75


def test_a_vote_that_cannot_be_read_agrees_with_none():
    assert voting.vote([".", ".", "3"], MATHEMATICS) == Vote("3", 1, 3, is_tied=False)
    assert voting.vote([".", "."], MATHEMATICS) == Vote(None, 2, 2, is_tied=False)
    for pair in ((".", "3"), ("3", "."), (".", ".")):
        assert not voting.agree(*pair, MATHEMATICS)


def test_a_vote_needs_a_completion():
    with pytest.raises(ValueError, match="at least one completion, got none"):
        voting.vote([], NUMBERS)


def rationales_of(question_id, *predictions):
    """One rationale for each prediction; whether it is right nobody knows here."""
    return [
        Rationale(question_id, f"{question_id} {number}", prediction, "mentor", is_correct=False)
        for number, prediction in enumerate(predictions)
    ]


WRITTEN = {
    "clear": ["7", None, "5", "7.0"],  # half agree, and nothing else as often
    "tied": ["7", "5", "7", "5"],
    "scattered": ["7", "5", "3", "1", "7"],  # two of five
    "silent": [None, None],
}


def filtered(least_share, settings=None):
    written = [one for name, given in WRITTEN.items() for one in rationales_of(name, *given)]
    rules = voting.rules(
        voting.vote_of_each(written, NUMBERS), NUMBERS, least_share=least_share
    )  # fmt: skip
    return filter_rationales(
        written,
        questions=[Question(name, "How many?", "") for name in WRITTEN],
        task=NUMBERS,
        settings=settings or FilterSettings(correct_only=False),
        first=rules,
    )


def test_what_most_rationales_say_is_kept_and_every_other_one_has_its_reason():
    result = filtered(0.5)
    assert [one.text for one in result.kept] == ["clear 0", "clear 3"]
    assert result.counts() == dict.fromkeys(REASONS, 0) | {
        "kept": 2,
        "no answer": 3,  # one beside the clear majority, and the silent two
        "no majority": 4 + 5,  # tied and scattered
        "against the vote": 1,
    }
    assert sum(result.counts().values()) == sum(map(len, WRITTEN.values()))


def test_the_least_share_decides_what_a_majority_is():
    kept = {share: {one.question_id for one in filtered(share).kept} for share in (0.0, 0.4, 0.51)}
    assert kept == {0.0: {"clear", "scattered"}, 0.4: {"clear", "scattered"}, 0.51: set()}


def test_rules_of_the_filter_come_after_the_vote():
    settings = FilterSettings(correct_only=False, max_per_question=1)
    counts = filtered(0.5, settings).counts()
    assert (counts["kept"], counts["over the limit"], counts["against the vote"]) == (1, 1, 1)


def test_whether_a_rationale_is_right_has_no_part_in_it():
    written = rationales_of("clear", "7", "7", "5")
    right = [replace(one, is_correct=True) for one in written]
    questions = [Question("clear", "How many?", "")]
    texts = []
    for given in (written, right):
        rules = voting.rules(voting.vote_of_each(given, NUMBERS), NUMBERS, least_share=0.5)
        result = filter_rationales(
            given,
            questions=questions,
            task=NUMBERS,
            settings=FilterSettings(correct_only=False),
            first=rules,
        )
        texts.append([one.text for one in result.kept])
    assert texts == [["clear 0", "clear 1"]] * 2


QUESTIONS = [
    Question("q/0", "Mia has 3 pens and gets 4 more. How many now?", "7"),
    Question("q/1", "Sam has 9 cards and loses 4. How many are left?", "5"),
    Question("q/2", "How many?", "12"),
]
TAUGHT = {  # what a model is taught to say to each: it will say one thing as often as another
    "q/0": ["3 + 4 = 7 --> 7", "4 + 3 = 7 --> 7", "3 + 5 = 8 --> 8"],
    "q/1": ["9 - 4 = 5 --> 5", "9 - 5 = 4 --> 4", "no idea"],
    "q/2": ["no idea", "no idea at all", "who knows"],
}


@pytest.fixture(scope="module")
def undecided(bases):
    tokenizer = loading.load_tokenizer(bases["causal"])
    rows = [
        encoding.encode_row(tokenizer, question.text, completion, "causal")
        for question in QUESTIONS
        for completion in TAUGHT[question.id]
    ]
    settings = TrainingSettings(learning_rate=3e-3, batch_size=9, epochs=80, precision="fp32")
    model = loading.load_trainable(bases["causal"], settings)
    for _ in loop.train(model, rows, loop.hard_labels, settings, fill=0):
        pass
    return model.eval(), tokenizer


def test_a_model_is_scored_by_what_most_of_its_samples_say(undecided):
    options = {"sampling_temperature": 1.0, "max_new_tokens": 24, "batch_size": 2, "seed": 1}
    settings = SamplingSettings(degree=15, **options)
    found = voting.answer_by_vote(*undecided, QUESTIONS, NUMBERS, settings)
    # the same samples, written another way
    written = local.write_rationales(*undecided, QUESTIONS, task=NUMBERS, settings=settings)
    for place, (question, answered) in enumerate(zip(QUESTIONS, found, strict=True)):
        given = [one.prediction for one in written[15 * place : 15 * (place + 1)]]
        assert answered.question_id == question.id
        expected = voting.vote(given, NUMBERS)
        assert (answered.prediction, answered.share) == (expected.prediction, expected.share)
        assert answered.is_correct == (answered.prediction == question.answer)
    mia, _, silent = found
    assert mia.prediction == "7"  # taught twice, and 8 once
    assert 0.4 < mia.share < 0.95
    assert mia.completion in TAUGHT["q/0"][:2]
    assert (silent.prediction, silent.share, silent.is_correct) == (None, 1.0, False)


def judged(completion, is_correct):
    found = completion.rpartition(" --> ")[2] or None
    return scoring.Answered("q", completion, found, found, is_correct, is_correct, True, 4)


def test_the_first_completion_with_the_elected_answer_stands_for_all():
    completions = [
        judged("3 + 3 = 6 --> 6", False),
        judged("3 + 4 = 7 --> 7", True),
        judged("4 + 3 = 7 --> 7", True),
    ]
    elected = voting._elect(completions, NUMBERS)
    assert elected == replace(completions[1], tokens=12, share=2 / 3)
    assert scoring.summarise([elected]).accuracy == 100.0
