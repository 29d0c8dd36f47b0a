"""A cache with room holds what the library's holds, whatever is written and whoever leaves."""

import pytest
import torch
from transformers.cache_utils import (
    DynamicCache,
    DynamicSlidingWindowLayer,
    EncoderDecoderCache,
    LinearAttentionLayer,
)

from mkdkit.models.cache import RoomyLayer, give_room
from mkdkit.models.decoding import close_up

ROWS, HEADS, WIDTH, READ, MORE = 5, 2, 4, 7, 6


def states(rows, tokens):
    return torch.randn(rows, HEADS, tokens, WIDTH), torch.randn(rows, HEADS, tokens, WIDTH)


def caches(n=1):
    """The library's cache and one with room, after the same prompts, each read for n rows."""
    plain, roomy, read = DynamicCache(), DynamicCache(), states(ROWS, READ)
    for cache in (plain, roomy):
        for layer in range(2):
            cache.update(*(one + layer for one in read), layer)
    plain.batch_repeat_interleave(n)
    give_room(roomy, MORE, ROWS, n)
    return plain, roomy


@pytest.mark.parametrize("n", [1, 3])
def test_what_is_written_and_who_is_left_are_as_in_the_librarys_cache(n):
    torch.manual_seed(0)
    plain, roomy = caches(n)
    every = list(range(ROWS * n))
    for keep in (every, [0, 4, 2, 3], [3, 1, 2], [0, 1, 2], [2, 1], [1]):
        indices = torch.tensor(keep)
        for cache in (plain, roomy):
            cache.reorder_cache(indices)
        new = states(len(keep), 1)
        for layer in range(2):
            ours = roomy.update(*(one - layer for one in new), layer)
            theirs = plain.update(*(one - layer for one in new), layer)
            assert all(map(torch.equal, ours, theirs))
        assert roomy.get_seq_length() == plain.get_seq_length()
        assert roomy.get_mask_sizes(1, 0) == plain.get_mask_sizes(1, 0)


def test_nothing_is_allocated_while_tokens_are_written():
    _, roomy = caches()
    before = [layer.keys.untyped_storage().data_ptr() for layer in roomy.layers]
    for _ in range(MORE):
        roomy.update(*states(ROWS, 1), 0)
        roomy.update(*states(ROWS, 1), 1)
    assert [layer.keys.untyped_storage().data_ptr() for layer in roomy.layers] == before


def test_more_than_there_is_room_for_is_an_error():
    _, roomy = caches()
    with pytest.raises(RuntimeError):
        roomy.update(*states(ROWS, MORE + 1), 0)


def test_a_window_that_slides_and_a_recurrent_state_stay_what_they_are():
    cache = DynamicCache()
    cache.layers = [DynamicSlidingWindowLayer(4), LinearAttentionLayer()]
    cache.update(*states(ROWS, READ), 0)
    before = list(cache.layers)
    give_room(cache, MORE, ROWS)
    assert cache.layers == before


def test_a_window_that_slides_is_repeated_for_each_row_that_goes_on():
    cache = DynamicCache()
    cache.layers = [DynamicSlidingWindowLayer(4)]
    cache.update(*states(ROWS, READ), 0)
    read = cache.layers[0].keys
    give_room(cache, MORE, ROWS, 3)
    assert torch.equal(cache.layers[0].keys, read.repeat_interleave(3, 0))


def test_of_two_caches_only_the_decoders_own_gets_room():
    own, across = caches()[0], caches()[0]
    both = EncoderDecoderCache(own, across)
    give_room(both, MORE, ROWS)
    assert {type(layer) for layer in own.layers} == {RoomyLayer}
    assert RoomyLayer not in {type(layer) for layer in across.layers}


def test_who_goes_on_closes_up_and_as_few_as_can_be_move():
    torch.manual_seed(0)
    for _ in range(200):
        going = torch.rand(9) < 0.7
        keep = close_up(going)
        assert sorted(keep.tolist()) == going.nonzero().squeeze(-1).tolist()
        moved = int((keep != torch.arange(len(keep))).sum())
        assert moved == int((~going[: len(keep)]).sum())
