"""JSON Lines files: UTF-8, one object a line; read in one go, or left on disk and read by number.

A line that is no object stops the reading with the file's name and the line's number; nothing is
skipped in silence.
"""

import contextlib
import json
import os
import threading
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from mkdkit import strict_json
from mkdkit.sequences import OnDemand

Item = TypeVar("Item")
BLOCK = 2**16  # bytes in which the end of a file is looked for


def read(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, object) for every line of a JSON Lines file; blank lines are skipped.

    Raises:
        ValueError: a line is not UTF-8, not JSON, or not an object; the message names the line.
    """
    with Path(path).open("rb") as file:
        for number, _, row in _read(file, path):
            yield number, row


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Give a function that writes one object as a line.

    The file appears under its name when it is whole: at the end, and not after an error.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        yield lambda row: print(json.dumps(row, ensure_ascii=False), file=file)
    partial.replace(path)


def write(path: str | Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write one object a line, and return how many; the file appears when it is whole."""
    number = 0
    with writing(path) as write_line:
        for number, row in enumerate(rows, start=1):  # noqa: B007 (the last number is returned)
            write_line(row)
    return number


def cut_half_line(file: BinaryIO) -> None:
    """Cut off a last line that its writer was killed in, and go to the end of the file."""
    end = file.seek(0, os.SEEK_END)
    whole, block = end, 1  # mostly the last byte tells that nothing is to be cut
    while whole:
        start = max(0, whole - block)
        file.seek(start)
        if found := file.read(whole - start).rfind(b"\n") + 1:
            whole = start + found
            break
        whole, block = start, BLOCK
    if whole < end:
        file.truncate(whole)
    file.seek(0, os.SEEK_END)


class Lines(OnDemand[Item]):
    """The items of a JSON Lines file, left on disk: 8 bytes a line are held.

    Every line is checked when the file is opened. Who replaces the file changes nothing in a
    sequence that was opened before.

    Args:
        path: the file.
        how: (number of the item from 0, where it stands in words, object) -> item.

    Raises:
        ValueError: a line is no object, or `how` refuses it.
    """

    def __init__(self, path: str | Path, how: Callable[[int, str, dict[str, Any]], Item]) -> None:
        self._name, self._how = str(path), how
        self._file = Path(path).open("rb")  # noqa: SIM115 (open as long as the sequence is there)
        self._starts = array("q")
        weakref.finalize(self, self._file.close)
        self._reading = threading.Lock()  # a place in the file is for one reader at a time
        for number, start, row in _read(self._file, path):
            how(len(self._starts), f"{path}, line {number}", row)
            self._starts.append(start)

    def __len__(self) -> int:
        return len(self._starts)

    def make(self, number: int) -> Item:
        """Read the item's line again."""
        with self._reading:
            self._file.seek(self._starts[number])
            line = self._file.readline()
        return self._how(number, self._name, json.loads(line))

    def __repr__(self) -> str:
        return f"<{len(self)} lines of {Path(self._name).name}>"


def _read(file: BinaryIO, path: str | Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield (line number, where the object begins in bytes, object)."""
    end = 0
    # not splitlines(): U+2028 may stand inside a text; bytes, so that a bad byte has a line number
    for number, raw in enumerate(file, start=1):
        start, end = end, end + len(raw)
        try:
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip("\r\n \t")
            if not line:
                continue
            value = strict_json.parse(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(value, dict):
            kind = type(value).__name__
            raise ValueError(f"{path}, line {number}: expected an object, got a {kind}")
        mark = 3 if number == 1 and raw.startswith(b"\xef\xbb\xbf") else 0  # of the encoding
        yield number, start + mark, value
