"""A stage holds numbers that say where its rows lie, and not the rows."""

import tracemalloc

import memory
import pytest
from bases import save_causal

from mkdkit.models import rows

FEW, MANY = 300, 2_000  # rationales; make memory goes on to 300,000
HELD = 400  # bytes a rationale; as a record it takes a thousand, as a row of numbers three


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return save_causal(tmp_path_factory.mktemp("base"), width=32)


def most_traced(base, rationales):
    """The most bytes that Python held in each stage, beyond what it began with."""
    most = {}
    for name, compute in memory.stages_of(memory.recipe_of(rationales, base, None)).items():
        tracemalloc.start()
        compute()
        most[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most


def test_many_rationales_take_little_more_memory_than_few(base, tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path))
    monkeypatch.setattr(rows, "IN_MEMORY", 2**16)  # as it is with more of them
    most_traced(base, 30)  # what is loaded once is loaded
    few, many = most_traced(base, FEW), most_traced(base, MANY)
    held = {name: (many[name] - few[name]) / (MANY - FEW) for name in few}
    assert max(held.values()) < HELD, held
