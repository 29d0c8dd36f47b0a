"""Calibration and agreement: by hand, by identity, and read from models."""

import math

import numpy as np
import pytest
import torch
from bases import FAMILIES

from mkdkit.evaluation import scoring
from mkdkit.evaluation.agreement import compare_predictions
from mkdkit.evaluation.calibration import (
    Bin,
    bin_confidences,
    calibration_error,
    error_by_chance,
)
from mkdkit.evaluation.confidence import token_confidences, vote_confidences
from mkdkit.evaluation.scoring import Answered
from mkdkit.models import encoding, loading, sampling
from mkdkit.records import Question
from mkdkit.settings import SamplingSettings, ScoringSettings
from mkdkit.tasks import answers, catalogue

BASE = "tiny-student"
SUMS = catalogue.find("multi_step_arithmetic")
CHOICES = catalogue.find("tracking_shuffled_objects")


def test_the_error_of_four_answers_by_hand():
    # (0, 0.5]: 0.5 and 0.3, one right of two: 0.4 against 0.5; (0.5, 1]: 0.9 and 0.7, none: 0.8
    sure, right = [0.5, 0.9, 0.3, 0.7], [True, False, False, False]
    assert bin_confidences(sure, right, bins=2) == [
        Bin(0.0, 50.0, 2, pytest.approx(40.0), 50.0),
        Bin(50.0, 100.0, 2, pytest.approx(80.0), 0.0),
    ]
    assert calibration_error(sure, right, bins=2) == pytest.approx((2 * 10 + 2 * 80) / 4)


def test_a_student_that_is_always_sure_errs_by_what_it_gets_wrong():
    right = [True] * 3 + [False]
    assert calibration_error([1.0] * 4, right) == pytest.approx(25.0)
    assert calibration_error([0.0] * 4, right) == pytest.approx(75.0)


def test_gaps_of_one_bin_cancel_and_those_of_two_do_not():
    sure, right = [0.42, 0.48], [True, False]
    assert calibration_error(sure, right, bins=10) == pytest.approx(100 * abs(0.45 - 0.5))
    assert calibration_error(sure, right, bins=20) == pytest.approx(100 * (0.58 + 0.48) / 2)


def test_the_error_is_the_gap_of_the_bins_weighed_by_their_answers():
    source = np.random.default_rng(0)
    sure, right = source.random(200), source.random(200) < 0.6
    bins = bin_confidences(sure, right)
    assert sum(one.n for one in bins) == 200
    gaps = sum(one.n * abs(one.confidence - one.accuracy) for one in bins) / 200
    assert calibration_error(sure, right) == pytest.approx(gaps)


def test_chance_alone_makes_the_error_of_a_coin():
    # 100 answers, all half sure, in one bin: |share of heads - 1/2| is sqrt(2/pi) standard errors
    mean, high = error_by_chance([0.5] * 100)
    assert mean == pytest.approx(100 * math.sqrt(2 / math.pi) * 0.05, rel=0.05)
    assert high == pytest.approx(100 * 1.96 * 0.05, abs=1.01)  # heads come in whole points
    assert error_by_chance([1.0] * 100) == (0.0, 0.0)


def test_shares_of_few_attempts_are_chance_too():
    """A calibrated model's error is above the bound in about 5 of 100 tests; it was in 50."""
    rng, above = np.random.default_rng(1), []
    for draw in range(300):
        true = rng.beta(2, 2, 200)
        shares, right = rng.binomial(10, true) / 10, rng.random(200) < true
        highest = error_by_chance(shares, attempts=10, draws=300, seed=draw)[1]
        above.append(calibration_error(shares, right) > highest)
    assert 0.02 < np.mean(above) < 0.1
    assert error_by_chance([1.0] * 100, attempts=10) == (0.0, 0.0)
    with pytest.raises(ValueError, match="shares of 10 attempts"):
        error_by_chance([0.55, 0.5], attempts=10)


def test_confidences_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"must be 0 to 1, got -0\.1 to 0\.5"):
        calibration_error([0.5, -0.1], [True, True])
    with pytest.raises(ValueError, match="0 to 1"):
        calibration_error([float("nan")], [True])
    with pytest.raises(ValueError, match="got 2 confidences, 1 outcomes"):
        bin_confidences([0.5, 0.5], [True])


def test_answers_agree_as_they_are_graded():
    maths = catalogue.find("mathematics")
    found = compare_predictions([r"\frac{1}{2}", "x+1"], ["0.5", "1+x"], ["0.5", "x+1"], maths)
    assert (found.both_wrong, found.same) == (0, 100.0)
    cases = compare_predictions([r"\PI"], [r"\PI"], [r"\pi"], maths)
    assert (cases.both_wrong, cases.by_chance) == (1, 0.0)
    third = compare_predictions(["0.3333333"], ["7"], ["1/3"], catalogue.find("svamp"))
    assert third.both_wrong == 0


def test_agreement_is_counted_by_hand():
    # right: A A B C C; both wrong on the last three
    found = compare_predictions(list("ABCAB"), list("AACBB"), list("AABCC"), CHOICES)
    assert (found.n, found.same) == (5, 60.0)  # A, C, B
    assert (found.both_wrong, found.same_wrong) == (3, 2)
    assert found.same_wrong_share == pytest.approx(200 / 3)
    # all answers: A 2, B 2, C 1 and A 2, B 2, C 1. Not B: (2·2 + 1·1) / (3·3); not C: (4 + 4) / 16
    assert found.by_chance == pytest.approx(100 * (5 / 9 + 8 / 16 + 8 / 16) / 3)


def test_two_that_guess_apart_agree_by_chance_and_copies_always():
    source = np.random.default_rng(1)
    one, two, right = (["ABC"[k] for k in source.integers(3, size=3000)] for _ in range(3))
    apart = compare_predictions(one, two, right, CHOICES)
    assert apart.by_chance == pytest.approx(50, abs=0.5)
    assert apart.same_wrong_share == pytest.approx(apart.by_chance, abs=4)
    copies = compare_predictions(one, one, right, CHOICES)
    assert (copies.same, copies.same_wrong_share) == (100.0, 100.0)


def test_numbers_agree_by_value_and_silence_agrees_with_nothing():
    found = compare_predictions(["18.0", None, "1,250"], ["18", None, "7"], ["3", "4", "5"], SUMS)
    assert (found.same, found.both_wrong, found.same_wrong) == (pytest.approx(100 / 3), 3, 1)
    assert found.by_chance == pytest.approx(100 / 9)  # both say 18 in one of three, nothing else
    never = compare_predictions(["1"], ["2"], ["1"], SUMS)
    assert (never.both_wrong, never.same_wrong_share, never.by_chance) == (0, None, None)


def test_predictions_of_other_questions_are_refused():
    with pytest.raises(ValueError, match="got 1 and 2 predictions for 2 answers"):
        compare_predictions(["A"], ["A", "B"], ["A", "B"], CHOICES)
    with pytest.raises(ValueError, match="not an answer of task 'tracking_shuffled_objects': 'Z'"):
        compare_predictions(["A"], ["A"], ["Z"], CHOICES)


QUESTIONS = [
    Question("1", "Tom has 3 pens. Tom gets 4 more. How many pens does Tom have now?", "7"),
    Question("2", "Ann has 30 eggs. How many eggs does Ann have now?", "30"),
]


def wrote(question, text, *, is_complete=True):
    return Answered(question.id, text, None, None, False, False, is_complete, 0)


def forward(model, tokenizer, question, text):
    """Log-probability of each token of a completion, one forward pass after the other."""
    row = encoding.encode_row(tokenizer, question.text, text, encoding.family_of(model))
    logs = []
    for place, token in enumerate(row.label):
        if encoding.family_of(model) == "causal":
            seen = {"input_ids": torch.tensor([[*row.prompt, *row.label[:place]]])}
        else:
            start = (model.config.decoder_start_token_id, *row.label[:place])
            seen = {"input_ids": torch.tensor([row.prompt])}
            seen["decoder_input_ids"] = torch.tensor([start])
        with torch.no_grad():
            logs.append(model(**seen).logits[0, -1].log_softmax(-1)[token].item())
    return logs, row.label


@pytest.fixture(params=FAMILIES)
def small(request, bases):
    folder = bases[request.param]
    return loading.load_base(folder), loading.load_tokenizer(folder)


def test_a_confidence_is_the_product_of_its_tokens(small):
    model, tokenizer = small
    texts = ["3 + 4 = 7. --> 7", "She has 30 eggs, all of them. --> 30"]
    answered = [wrote(question, text) for question, text in zip(QUESTIONS, texts, strict=True)]
    found = token_confidences(model, tokenizer, QUESTIONS, answered, SUMS)
    for question, text, one in zip(QUESTIONS, texts, found, strict=True):
        logs, ids = forward(model, tokenizer, question, text)
        digits = text.rpartition("--> ")[2]
        tail = ids.index(tokenizer(" -->").input_ids[0]) + 1  # what stands behind the mark
        assert tokenizer.decode(ids[tail:-1]).strip() == digits
        assert math.log(one.completion) == pytest.approx(sum(logs), rel=1e-4)
        assert one.answer is not None
        assert math.log(one.answer) == pytest.approx(sum(logs[tail:]), rel=1e-4)


def test_a_text_that_was_cut_off_has_no_end_mark_and_one_without_a_mark_no_answer(small):
    model, tokenizer = small
    text = "She has 30 eggs"
    (cut,) = token_confidences(
        model, tokenizer, QUESTIONS[1:], [wrote(QUESTIONS[1], text, is_complete=False)], SUMS
    )
    logs, _ = forward(model, tokenizer, QUESTIONS[1], text)
    assert math.log(cut.completion) == pytest.approx(sum(logs[:-1]), rel=1e-4)
    assert cut.answer is None


def test_a_shipped_base_finds_no_token_likelier_than_those_it_wrote_greedily():
    model, tokenizer = loading.load_base(BASE), loading.load_tokenizer(BASE)
    settings = ScoringSettings(max_new_tokens=12, batch_size=2)
    answered = scoring.answer_questions(model, tokenizer, QUESTIONS, SUMS, settings)
    found = token_confidences(model, tokenizer, QUESTIONS, answered, SUMS)
    for question, one, own in zip(QUESTIONS, answered, found, strict=True):
        row = encoding.encode_row(tokenizer, question.text, one.completion, "causal")
        with torch.no_grad():
            batch = encoding.collate([row], fill=0, model=model)
            best = encoding.predict_scored(model, batch)[0].log_softmax(-1).amax(-1)
        best = best if one.is_complete else best[:-1]
        assert math.log(own.completion) == pytest.approx(best.sum().item(), rel=1e-4)


def test_a_vote_is_the_share_of_attempts_that_end_alike():
    model, tokenizer = loading.load_base(BASE), loading.load_tokenizer(BASE)
    settings = SamplingSettings(
        degree=4, sampling_temperature=1.0, max_new_tokens=8, batch_size=2, seed=3
    )
    prompts = [encoding.encode_prompt(tokenizer, one.text, "causal") for one in QUESTIONS]
    tried: list[list[str]] = [[], []]
    for batch in sampling.write_samples(model, tokenizer, prompts, ["1", "2"], settings):
        for one in batch:
            tried[one.prompt].append(one.text)
    ends = [[answers.extract(text, SUMS).flexible for text in texts] for texts in tried]
    given = [next((end for end in one if end), "1") for one in ends]
    answered = [
        Answered(question.id, "", prediction, None, False, False, True, 0)
        for question, prediction in zip(QUESTIONS, [given[0], None], strict=True)
    ]
    votes = vote_confidences(model, tokenizer, QUESTIONS, answered, SUMS, settings)
    assert votes == [ends[0].count(given[0]) / 4, 0.0]
    assert 0 < votes[0] <= 1


def test_answers_in_another_order_are_refused(small):
    model, tokenizer = small
    answered = [wrote(question, "7") for question in QUESTIONS[::-1]]
    with pytest.raises(ValueError, match="2 answers to 2 questions; '2' to '1'"):
        token_confidences(model, tokenizer, QUESTIONS, answered, SUMS)
