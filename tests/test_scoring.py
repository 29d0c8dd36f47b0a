"""Scoring a model that knows two answers by heart, and nothing else."""

import pytest

from mkdkit.evaluation import scoring
from mkdkit.evaluation.scoring import Answered
from mkdkit.models import encoding, loading, prompting
from mkdkit.records import Question, Rationale
from mkdkit.settings import ScoringSettings, TrainingSettings
from mkdkit.tasks import catalogue
from mkdkit.training import loop

TASK = catalogue.find("multi_step_arithmetic")
QUESTIONS = [
    Question("q/0", "Mia has 3 pens and gets 4 more. How many now?", "7"),
    Question("q/1", "Sam has 9 cards and loses 4. How many are left?", "5"),
    Question("q/2", "A third one, which is long and which it was taught wrongly.", "12"),
]
COMPLETIONS = ["3 + 4 = 7 --> 7", "So 5 remain", "no idea at all"]
SETTINGS = ScoringSettings(max_new_tokens=24, batch_size=2)


@pytest.fixture(scope="module")
def learnt(bases):
    tokenizer = loading.load_tokenizer(bases["causal"])
    rows = [
        encoding.encode_row(tokenizer, question.text, completion, "causal")
        for question, completion in zip(QUESTIONS, COMPLETIONS, strict=True)
    ]
    settings = TrainingSettings(learning_rate=3e-3, batch_size=3, epochs=80, precision="fp32")
    model = loading.load_trainable(bases["causal"], settings)
    for _ in loop.train(model, rows, loop.hard_labels, settings, fill=0):
        pass
    return model.eval(), tokenizer


def test_answers_are_extracted_strictly_and_flexibly_in_the_order_of_the_questions(learnt):
    found = scoring.answer_questions(*learnt, QUESTIONS, TASK, SETTINGS)
    assert [one.question_id for one in found] == ["q/0", "q/1", "q/2"]
    assert [one.completion for one in found] == COMPLETIONS
    assert [one.prediction for one in found] == ["7", "5", None]
    assert [one.strict_prediction for one in found] == ["7", None, None]
    assert [one.is_correct for one in found] == [True, True, False]
    assert [one.is_strictly_correct for one in found] == [True, False, False]
    assert all(one.is_complete for one in found)


def test_the_summary_counts_no_answer_as_wrong(learnt):
    score = scoring.summarise(scoring.answer_questions(*learnt, QUESTIONS, TASK, SETTINGS))
    assert (score.n, score.correct) == (3, 2)
    assert score.accuracy == pytest.approx(200 / 3)
    assert score.strict_accuracy == pytest.approx(100 / 3)
    assert score.extractable == pytest.approx(200 / 3)
    assert score.complete == 100.0
    assert score.interval[0] < score.accuracy < score.interval[1]


def test_what_is_cut_at_the_limit_is_not_complete(learnt):
    short = ScoringSettings(max_new_tokens=3, batch_size=2)
    found = scoring.answer_questions(*learnt, QUESTIONS[:1], TASK, short)
    assert not found[0].is_complete
    assert found[0].tokens == 3


@pytest.mark.parametrize("prompted", ["zero-shot", "zero-shot-cot", "few-shot-cot"])
def test_every_way_of_prompting_asks_every_question(learnt, prompted):
    example = (QUESTIONS[0], Rationale("q/0", "3 + 4 = 7.", "7", "teacher", True))
    found = scoring.answer_questions(
        *learnt, QUESTIONS, TASK, SETTINGS, prompted=prompted, examples=[example]
    )
    assert len(found) == 3


def test_reasoning_that_leaves_no_room_for_an_answer_is_cut_at_its_end(bases):
    """Random weights never stop: the reasoning fills all that the model can read."""
    model, tokenizer = loading.load_base(bases["causal"]), loading.load_tokenizer(bases["causal"])
    long = ScoringSettings(max_new_tokens=512, batch_size=2)
    found = scoring.answer_questions(
        model, tokenizer, QUESTIONS, TASK, long, prompted="zero-shot-cot"
    )
    assert [one.tokens for one in found] == [pytest.approx(scoring.ANSWER_TOKENS, abs=2)] * 3


def test_prompts_are_those_of_the_papers():
    assert prompting.zero_shot_cot("How many?") == "Q: How many?\nA: Let's think step by step."
    assert prompting.then_answer("How many?", "3 + 4 = 7.") == (
        "Q: How many?\nA: Let's think step by step. 3 + 4 = 7.\nTherefore, the answer is"
    )
    example = (QUESTIONS[1], Rationale("q/1", "9 - 4 = 5.", "5", "teacher", True))
    assert prompting.few_shot_cot("How many?", [example]) == (
        f"Q: {QUESTIONS[1].text}\nA: 9 - 4 = 5. --> 5\n\nQ: How many?\nA:"
    )
    with pytest.raises(ValueError, match="needs examples"):
        prompting.few_shot_cot("How many?", [])


def test_a_bare_answer_after_a_prompt_that_ends_in_the_mark_counts_strictly():
    written = scoring.sampling.Written(0, 0, "5.\nQ: What is 2 + 2?\nA: 4", 9, True)
    found = scoring.judge(QUESTIONS[1], written, TASK, "zero-shot")
    assert (found.prediction, found.strict_prediction) == ("5", "5")


def test_rationales_keep_the_answer_that_was_scored():
    """Alone, "15 pens in 3 boxes." ends in 3; behind the prompt's own mark it begins with 15."""
    question = Question("q", "Mia has 3 boxes of 5 pens. How many pens?", "15")
    written = scoring.sampling.Written(0, 0, " 15 pens in 3 boxes.", 9, True)
    answered = scoring.judge(question, written, TASK, "zero-shot")
    (shown,) = scoring.to_rationales([question], [answered], TASK)
    assert (shown.prediction, shown.is_correct) == ("15", True)
    assert (shown.text, shown.source) == ("15 pens in 3 boxes.", "student")


def test_nothing_to_score_is_an_error(learnt):
    with pytest.raises(ValueError, match="no questions to score"):
        scoring.answer_questions(*learnt, [], TASK, SETTINGS)


def test_summaries_need_no_model():
    row = Answered("q", "--> 7", "7", "7", True, True, True, 4)
    assert scoring.summarise([row]).accuracy == 100.0
