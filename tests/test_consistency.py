"""MCC-KD's loss, and the questions the teacher never saw."""

import math
from dataclasses import replace

import pytest
import torch

from mkdkit.models.rows import Row
from mkdkit.pipeline import recipes
from mkdkit.pipeline.stages import data
from mkdkit.settings import StudentSettings
from mkdkit.tasks import procedural
from mkdkit.training import batches, consistency, loop

P, Q = (0.8, 0.2), (0.5, 0.5)
ONE, OTHER = (torch.tensor([distribution]).log() for distribution in (P, Q))


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def rows_of(*labels, prompt=(1, 2)):
    return [Row(prompt, label) for label in labels]


def test_consistency_is_half_the_sum_of_both_divergences():
    loss = consistency.consistency_loss(ONE, OTHER, temperature=1.0).item()
    assert loss == pytest.approx(0.5 * (kl(P, Q) + kl(Q, P)), rel=1e-6)
    assert loss == pytest.approx(0.5 * (0.19274 + 0.22314), abs=1e-4)  # by hand


def test_consistency_is_symmetric_and_zero_between_equals():
    back = consistency.consistency_loss(OTHER, ONE, temperature=2.0)
    torch.testing.assert_close(consistency.consistency_loss(ONE, OTHER, temperature=2.0), back)
    assert consistency.consistency_loss(ONE, ONE, temperature=1.0) == 0


def test_its_gradient_reaches_both_sides():
    one, other = ONE.clone().requires_grad_(), OTHER.clone().requires_grad_()
    consistency.consistency_loss(one, other, temperature=1.0).backward()
    assert one.grad is not None
    assert other.grad is not None
    assert one.grad.abs().sum() > 0.01
    assert other.grad.abs().sum() > 0.01


def test_the_least_similar_rationales_of_a_question_stand_in_a_pair():
    rows = rows_of((1,), (2,), (3,)) + rows_of((4,), prompt=(9,))
    texts = ["a b c d e", "a b c d f", "x y z", "alone with nobody"]
    assert consistency.pair_up(rows, texts) == [rows[i] for i in (0, 2, 1, 2, 3, 3)]


def test_without_two_rationales_of_a_question_there_is_nothing_to_make_consistent():
    rows = rows_of((1,)) + rows_of((4,), prompt=(9,))
    with pytest.raises(ValueError, match="no question kept two rationales"):
        consistency.pair_up(rows, ["a b", "c d"])
    twice = rows_of((1,), (1,))  # the same text twice is no pair either
    with pytest.raises(ValueError, match="no question kept two rationales"):
        consistency.pair_up(twice, ["a b", "a b"])


def test_the_ending_that_two_labels_share():
    assert consistency.shared_ending((5, 6, 7, 1), (8, 7, 1)) == 2
    assert consistency.shared_ending((5, 1), (5, 1)) == 2


def random_batch():
    torch.manual_seed(0)
    rows = rows_of((5, 6, 7, 1), (8, 7, 1)) + rows_of((5, 7, 1), (6, 7, 1), prompt=(3,))
    labels = torch.tensor([token for row in rows for token in row.label])
    return rows, torch.randn(len(labels), 10), labels


SPANS = {(1, 2): 2, (3,): 2}


def by_hand(one, other, temperature):
    """Half the divergences in both directions, summed over a vocabulary, mean over tokens."""
    p, q = ((logits / temperature).softmax(-1) for logits in (one, other))
    return (0.5 * (p * (p / q).log() + q * (q / p).log())).sum(-1).mean()


def test_the_loss_adds_the_mean_over_pairs_once_per_scored_token():
    rows, logits, labels = random_batch()
    settings = StudentSettings(consistency_weight=0.5, consistency_temperature=1.5)
    loss = consistency.consistent_answers(settings, SPANS)(logits, labels, rows)
    # the last two tokens of the rows of 4, 3, 3 and 3
    terms = [by_hand(logits[a : a + 2], logits[b : b + 2], 1.5) for a, b in ((2, 5), (8, 11))]
    expected = loop.hard_labels(logits, labels, rows) + 0.5 * 13 * sum(terms) / 2
    torch.testing.assert_close(loss, expected)


def test_the_loss_of_one_pair_in_numbers():
    """Two rows of two tokens, the last the same answer, after which one side says 4/5 and 1/5."""
    rows = rows_of((0, 1), (1, 1))
    logits = torch.cat([torch.zeros(1, 2), ONE, torch.zeros(1, 2), OTHER])
    settings = StudentSettings(consistency_weight=0.5)
    loss = consistency.consistent_answers(settings, {(1, 2): 1})(
        logits, torch.tensor([0, 1, 1, 1]), rows
    )
    hard = 3 * math.log(2) + math.log(5)  # three times one half, and one fifth
    both_ways = 0.3 * math.log(4)  # (0.8 - 0.5) (log 0.8/0.5 + log 0.5/0.2)
    assert loss.item() == pytest.approx(hard + 4 * 0.5 * both_ways / 2, rel=1e-6)
    assert loss.item() == pytest.approx(4.10477, abs=1e-5)


def test_closing_words_before_the_mark_are_no_part_of_the_answer():
    rows, logits, labels = random_batch()
    settings = StudentSettings(consistency_weight=1.0)
    loss = consistency.consistent_answers(settings, {(1, 2): 1, (3,): 1})(logits, labels, rows)
    terms = [by_hand(logits[a : a + 1], logits[b : b + 1], 1.0) for a, b in ((3, 6), (9, 12))]
    expected = loop.hard_labels(logits, labels, rows) + 13 * sum(terms) / 2
    torch.testing.assert_close(loss, expected)


def test_a_rationale_paired_with_itself_counts_in_no_mean():
    rows, logits, labels = random_batch()
    doubled = [*rows[:2], rows[2], rows[2]]
    settings = StudentSettings(consistency_weight=1.0)
    loss = consistency.consistent_answers(settings, SPANS)(logits, labels, doubled)
    expected = loop.hard_labels(logits, labels, doubled)
    torch.testing.assert_close(loss, expected + 13 * by_hand(logits[2:4], logits[5:7], 1.0))


def test_without_weight_it_is_plain_fine_tuning():
    rows, logits, labels = random_batch()
    loss = consistency.consistent_answers(StudentSettings(consistency_weight=0.0), SPANS)
    assert loss(logits, labels, rows) == loop.hard_labels(logits, labels, rows)


def test_rows_that_are_no_pairs_are_refused():
    rows, logits, labels = random_batch()
    loss = consistency.consistent_answers(StudentSettings(), SPANS)
    with pytest.raises(ValueError, match="learns from pairs"):
        loss(logits, labels, [rows[0], rows[2], rows[1], rows[3]])


def test_pairs_stay_together_in_every_batch_of_every_epoch():
    settings = StudentSettings(batch_size=8, epochs=3)
    plan = batches.Plan([7, 9, 3, 4] * 10, settings, together=2)
    assert len(plan) == 15
    for (batch,) in plan:
        assert all(a % 2 == 0 and b == a + 1 for a, b in zip(batch[::2], batch[1::2], strict=True))
    first_epoch = [row for step in plan[:5] for batch in step for row in batch]
    assert sorted(first_epoch) == list(range(40))


def test_pairs_need_an_even_batch():
    with pytest.raises(ValueError, match="multiple of 2, got 7"):
        batches.Plan([5] * 8, StudentSettings(batch_size=7), together=2)


def test_new_questions_follow_the_recipes_own_and_are_in_no_other_split():
    recipe = recipes.tiny("multi_step_arithmetic")
    recipe = replace(recipe, questions=replace(recipe.questions, train=20))
    own = procedural.make_splits(recipe.questions)
    more = procedural.make_splits(data.with_new_questions(recipe).questions)
    assert more.train[:20] == own.train
    assert len({question.text for question in more.train}) == 40
    assert len({question.id for question in more.train}) == 40
    assert (more.validation, more.test) == (own.validation, own.test)
    held_out = {question.text for question in [*more.validation, *more.test]}
    assert not held_out & {question.text for question in more.train}


def test_recorded_questions_have_no_new_ones():
    recipe = recipes.with_source(recipes.tiny(), "mentor-kd")
    with pytest.raises(ValueError, match="not from 'mentor-kd'"):
        data.with_new_questions(recipe)
