"""Lines on disk are the lines of a list, and what was half written is cut off."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mkdkit import json_lines
from mkdkit.sequences import Chosen, Index, Joined, Made

ROWS = st.lists(st.fixed_dictionaries({"id": st.text(max_size=8)}), max_size=6)


def lines_of(path, rows):
    json_lines.write(path, rows)
    return json_lines.Lines(path, lambda number, where, row: row["id"])


@given(ROWS)
def test_lines_are_those_of_a_list_whatever_stands_in_them(tmp_path_factory, rows):
    ids = [row["id"] for row in rows]
    lines = lines_of(tmp_path_factory.mktemp("lines") / "some.jsonl", rows)
    assert lines == ids
    assert lines[1:4] == ids[1:4]
    assert lines[::-1] == ids[::-1]
    assert lines + ids == ids + lines == ids + ids
    assert Chosen(lines, range(0, len(ids), 2)) == ids[::2]
    assert Made(lines, lambda number, one: (number, one)) == list(enumerate(ids))
    assert [ids.index(one) for one in ids] == [Index(lines, str).place(one) for one in ids]
    assert (Index(lines, str).repeated() is None) == (len(set(ids)) == len(ids))


def test_a_mark_of_the_encoding_blank_lines_and_line_ends_of_windows_are_no_rows(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_bytes('\ufeff{"id": "a"}\r\n\r\n  {"id": "\u2028"}\n\n'.encode())
    lines = json_lines.Lines(path, lambda number, where, row: (number, row["id"]))
    assert lines == [(0, "a"), (1, "\u2028")]


def test_who_replaces_the_file_changes_nothing_for_who_reads_it(tmp_path):
    lines = lines_of(tmp_path / "some.jsonl", [{"id": "old"}])
    json_lines.write(tmp_path / "some.jsonl", [{"id": "new one"}])
    assert lines == ["old"]


def test_a_line_that_is_refused_is_named(tmp_path):
    path = tmp_path / "some.jsonl"
    path.write_text('{"id": 1}\n\n[2]\n')
    with pytest.raises(ValueError, match=r"some\.jsonl, line 3: expected an object, got a list"):
        json_lines.Lines(path, lambda number, where, row: row)


def test_the_first_of_two_names_of_one_digest_is_not_taken_for_the_other(monkeypatch):
    monkeypatch.setattr("mkdkit.sequences.digest", lambda text, size: len(text))
    index = Index(["ab", "cd", "e", "cd"], str)
    assert [index.place(name) for name in ("ab", "cd", "e", "xy", "f", "long")] == [
        *(0, 1, 2),
        *(None, None, None),
    ]
    assert index.repeated() == 3


def test_parts_stand_one_after_the_other():
    joined = Joined("ab", "", "cde")
    assert (len(joined), "".join(joined), joined[-1], joined[2]) == (5, "abcde", "e", "c")
    with pytest.raises(IndexError):
        joined[5]


@pytest.mark.parametrize("size", [0, 1, 2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16])
@pytest.mark.parametrize("before", [b"", b"\n", b'{"a": 1}\n{"b": 2}\n'])
def test_a_half_line_of_any_length_is_cut_off_and_no_whole_one(tmp_path, before, size):
    path = tmp_path / "some.jsonl"
    path.write_bytes(before + b"x" * size)
    with path.open("rb+") as file:
        json_lines.cut_half_line(file)
        file.write(json.dumps({"c": 3}).encode())
    assert path.read_bytes() == before + b'{"c": 3}'
