"""Many rows in little memory are the rows they were."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdkit.models.rows import Row, Rows

IDS = st.lists(st.integers(0, 2**31 - 1), max_size=5).map(tuple)
SOME = st.lists(st.builds(Row, IDS, IDS), max_size=6)


@given(SOME)
def test_rows_give_back_what_was_put_in_from_either_end(some):
    rows = Rows(some)
    assert list(rows) == some
    assert rows[1:4] == some[1:4]
    assert [rows[-1 - k] for k in range(len(some))] == some[::-1]


def test_a_place_beyond_the_end_is_an_index_error():
    rows = Rows([Row((1,), (2,))])
    for place in (1, -2):
        with pytest.raises(IndexError):
            rows[place]


def test_a_row_of_fifty_tokens_takes_less_than_a_third_of_a_kilobyte():
    tracemalloc.start()
    try:
        rows = Rows(Row(tuple(range(k, k + 20)), tuple(range(k, k + 30))) for k in range(10_000))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(rows) == 10_000
    assert taken < 10_000 * 300  # as tuples of numbers: about 2,000 bytes each
