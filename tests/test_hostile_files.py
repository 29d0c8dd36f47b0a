"""Whatever stands in a file, its reader is right or says which file is wrong; no row is lost."""

import json
import math
import tempfile
import time
from pathlib import Path

import inputs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mkdkit import strict_json

NUMBER = st.integers(0, 2**16)
MUTATIONS = st.lists(
    st.tuples(st.sampled_from(sorted(inputs.MUTATIONS)), NUMBER, NUMBER), min_size=1, max_size=3
)


@pytest.mark.parametrize("name", inputs.READERS)
def test_an_undamaged_file_is_read_whole(name, tmp_path):
    reader = inputs.READERS[name]
    data = reader.sample()
    assert inputs.fault(reader, data, tmp_path) is None
    path = tmp_path / reader.file
    found = reader.read(path)
    if reader.rows_in:
        assert found == reader.rows_in(data) == 3


@pytest.mark.parametrize("name", inputs.READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(mutations=MUTATIONS)
def test_a_damaged_file_is_read_right_or_named(name, mutations):
    reader = inputs.READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        data = inputs.mangle(reader.sample(), mutations)
        assert inputs.fault(reader, data, Path(folder)) is None
        assert time.process_time() - began < inputs.SECONDS


def test_a_reader_that_drops_a_row_or_names_no_file_is_found(tmp_path):
    """The harness itself can fail."""
    sample = inputs.READERS["questions"].sample
    lossy = inputs.Reader("a.jsonl", sample, lambda p: 2, inputs.READERS["questions"].rows_in)
    assert inputs.fault(lossy, sample(), tmp_path) == "2 rows of 3"

    def mute(path):
        raise ValueError("something is wrong")

    def crash(path):
        raise KeyError("id")

    for read in (mute, crash):
        assert inputs.fault(inputs.Reader("a.jsonl", sample, read), sample(), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": NaN}', "NaN is not a JSON number"),
        ("[-Infinity]", "-Infinity is not a JSON number"),
        ("1e999", "too large"),
        ('{"a": 1, "b": {"a": 1, "c": 2, "a": 3}}', "'a' stands twice"),
        (r'"\ud800"', "surrogates not allowed"),
        ("[" * 100_000 + "]" * 100_000, "too deeply"),
        ("1" * 5000, "digits"),
    ],
)
def test_what_other_readers_let_pass_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        strict_json.parse(text)


@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True, "ü\u2028\U0001f600"]}, [], "x\0", 1e308, -0.0, 10**20]
)
def test_what_is_json_comes_back(value):
    for is_ascii in (True, False):
        back = strict_json.parse(json.dumps(value, ensure_ascii=is_ascii))
        assert back == value
        if isinstance(value, float):
            assert math.copysign(1, back) == math.copysign(1, value)


def test_an_object_must_have_what_is_needed(tmp_path):
    path = tmp_path / "state.json"
    path.write_text('{"step": true}')
    with pytest.raises(ValueError, match=r"state\.json: damaged: its 'step' is True"):
        strict_json.read_object(path, {"step": int})
    path.write_text("[1]")
    with pytest.raises(ValueError, match=r"state\.json: expected an object, got a list"):
        strict_json.read_object(path, {})


def test_a_store_does_not_reach_out_of_its_folder(tmp_path):
    outside, folder = tmp_path / "outside.safetensors", tmp_path / "store"
    folder.mkdir()
    outside.write_bytes(inputs.READERS["shard"].sample())
    manifest = inputs.STORE | {"shards": ["../outside.safetensors"]}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"outside\.safetensors' is not there"):
        inputs.label_store.Store(folder)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("prices", b'["a model"]\nprompt = ' + b"1" * 5_000),
        ("settings", b'{"questions": {"": 5}}'),
        ("settings", b'{"": 5}'),
        ("table", b"\xef\xbb"),  # the beginning of a mark of the encoding
    ],
)
def test_what_hours_of_damage_found_is_named_now(name, data, tmp_path):
    assert inputs.fault(inputs.READERS[name], data, tmp_path) is None
