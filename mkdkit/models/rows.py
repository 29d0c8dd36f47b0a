"""Training rows as token ids: one alone, and very many in little memory."""

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload


@dataclass(frozen=True, slots=True)
class Row:
    """One training row as token ids: what is read, and what is scored."""

    prompt: tuple[int, ...]
    label: tuple[int, ...]  # ends with the end-of-sequence token

    @property
    def key(self) -> str:
        """Name the row by its content, so that what is stored for it is found at any position."""
        content = f"{','.join(map(str, self.prompt))}|{','.join(map(str, self.label))}"
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.label)


class Rows(Sequence[Row]):
    """A sequence of rows, held side by side in two arrays: 4 bytes a token and 16 a row.

    As tuples of Python integers they would take nine times that, and a large set more memory than
    the model that learns it.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._ids = array("i")
        self._ends = array("q", [0])  # of the last row; then, row by row, of its prompt, its label
        for row in rows:
            self.append(row)

    def append(self, row: Row) -> None:
        """Add a row at the end."""
        for part in (row.prompt, row.label):
            self._ids.extend(part)
            self._ends.append(len(self._ids))

    def __len__(self) -> int:
        return len(self._ends) // 2

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]  # counts from the end if negative; IndexError beyond it
        start, middle, stop = self._ends[2 * number : 2 * number + 3]
        return Row(tuple(self._ids[start:middle]), tuple(self._ids[middle:stop]))
