"""Which rows stand in which batch, and what one forward pass may hold."""

import itertools

import pytest
from bases import FAMILIES
from hypothesis import given
from hypothesis import strategies as st

from mkdkit.models import loading
from mkdkit.models.rows import Row
from mkdkit.settings import StudentSettings, TrainingSettings
from mkdkit.training import batches, checkpoints, loop


def rows_of(lengths):
    return [Row(prompt=(2,) * (length - 1), label=(3,)) for length in lengths]


@given(st.lists(st.integers(2, 40), min_size=1, max_size=30), st.integers(1, 200))
def test_parts_of_a_batch_keep_its_rows_in_order_and_no_part_is_needlessly_large(lengths, most):
    parts = list(batches.split(rows_of(lengths), most))
    assert [len(row) for part in parts for row in part] == lengths
    tokens = [max(map(len, part)) * len(part) for part in parts]
    assert all(n <= most or len(part) == 1 for n, part in zip(tokens, parts, strict=True))
    for part, following in itertools.pairwise(parts):
        longer = [*part, following[0]]
        assert max(map(len, longer)) * len(longer) > most


def test_rows_that_belong_together_are_not_parted():
    parts = list(batches.split(rows_of([3, 9, 4, 4, 5, 5]), 8, together=2))
    assert [[len(row) for row in part] for part in parts] == [[3, 9], [4, 4], [5, 5]]


def test_without_a_limit_a_batch_stays_whole():
    rows = rows_of([5, 900])
    assert list(batches.split(rows, None)) == [rows]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_split_batch_trains_the_weights_of_the_whole_one(bases, family):
    rows = [
        Row(prompt=(300 + i, 301), label=(*range(310, 311 + i % 5), 320 + i, 1)) for i in range(12)
    ]

    def trained(most, tmp=bases[family]):
        settings = TrainingSettings(
            batch_size=6, max_batch_tokens=most, max_steps=4, precision="fp32", validations=0
        )
        model = loading.load_trainable(tmp, settings)
        steps = list(loop.train(model, rows, loop.hard_labels, settings, fill=0))
        return checkpoints.trainable(model), [step.loss for step in steps]

    whole, losses = trained(None)
    split, same_losses = trained(13)  # one or two rows of five to nine tokens
    assert same_losses == pytest.approx(losses, rel=1e-5)
    assert len(whole) == len(split) > 0
    for name, weight in whole.items():
        # AdamW makes a rounding error of a gradient near zero as large as a step
        assert (weight - split[name]).abs().max() < 1e-4, name


def test_a_mean_of_pairs_is_split_between_pairs_only():
    settings = StudentSettings(batch_size=4, max_batch_tokens=5)
    rows = rows_of([4, 4, 6, 6])
    assert [len(part) for part in batches.split(rows, settings.max_batch_tokens, 2)] == [2, 2]


def test_padding_by_hand():
    # 3 and 5 of 5 + 5 places, 4 of 4
    assert batches.padding_share([3, 5, 4], [[[0, 1]], [[2]]]) == pytest.approx(2 / 14)
    assert batches.padding_share([7, 7], [[[0, 1]]]) == 0
