"""Training rows as token ids: one alone, and more of them than memory holds."""

import hashlib
import itertools
import tempfile
import threading
import weakref
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mkdkit.sequences import OnDemand

IN_MEMORY = 2**20  # bytes of token ids; more go to a file without a name, where TMPDIR says


@dataclass(frozen=True, slots=True)
class Row:
    """One training row as token ids: what is read, and what is scored."""

    prompt: tuple[int, ...]
    label: tuple[int, ...]  # ends with the end-of-sequence token
    answer: tuple[int, int] = (0, 0)  # from which to which the label tells it; 0, 0: nobody asked

    @property
    def key(self) -> str:
        """Name the row by its tokens, so that what is stored for it is found at any position."""
        content = f"{','.join(map(str, self.prompt))}|{','.join(map(str, self.label))}"
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.label)


class TokenLists(OnDemand[tuple[int, ...]]):
    """Lists of token ids, side by side: 4 bytes an id, in memory or in a file, and 8 a list.

    As tuples of Python integers they would take nine times that, and a large set more memory than
    the model that learns it.
    """

    def __init__(self, lists: Iterable[Iterable[int]]) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._reading = threading.Lock()  # a place in the file is for one reader at a time
        self._ends = array("q", [0])
        for one in lists:
            ids = array("i", one)
            self._file.write(ids.tobytes())
            self._ends.append(self._ends[-1] + len(ids))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def make(self, number: int) -> tuple[int, ...]:
        """Read the list of a number."""
        start, stop = self._ends[number], self._ends[number + 1]
        ids = array("i")
        with self._reading:
            self._file.seek(start * ids.itemsize)
            ids.frombytes(self._file.read((stop - start) * ids.itemsize))
        return tuple(ids)

    def lengths(self) -> "array[int]":
        """Return how many ids each list has."""
        return array("i", (stop - start for start, stop in itertools.pairwise(self._ends)))


class Rows(OnDemand[Row]):
    """A sequence of rows in little memory: 24 bytes a row, and its ids as in `TokenLists`."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._answers = array("i")  # two a row
        self._parts = TokenLists(self._take_apart(rows))

    def _take_apart(self, rows: Iterable[Row]) -> Iterator[tuple[int, ...]]:
        for row in rows:
            self._answers.extend(row.answer)
            yield row.prompt
            yield row.label

    def __len__(self) -> int:
        return len(self._parts) // 2

    def make(self, number: int) -> Row:
        """Read the row of a number."""
        prompt, label = self._parts[2 * number], self._parts[2 * number + 1]
        return Row(prompt, label, (self._answers[2 * number], self._answers[2 * number + 1]))

    def lengths(self) -> "array[int]":
        """Return how many tokens each row has."""
        parts = self._parts.lengths()
        return array("i", map(sum, zip(parts[::2], parts[1::2], strict=True)))
