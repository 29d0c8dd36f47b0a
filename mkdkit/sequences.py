"""Sequences too large to hold: a part of one, and where in one an id stands."""

import abc
import bisect
import hashlib
import itertools
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar, overload

import numpy as np

Item = TypeVar("Item")


class OnDemand(Sequence[Item], abc.ABC):
    """A sequence that makes an item each time it is asked for; it compares and adds as lists do."""

    @abc.abstractmethod
    def make(self, number: int) -> Item:
        """Return the item of a number from 0 to below the length."""

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        numbers = range(len(self))[place]  # counts from the end if negative; IndexError beyond it
        return self.make(numbers) if isinstance(numbers, int) else [*map(self.make, numbers)]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(other) != len(self):
            return False
        return all(ours == theirs for ours, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Sequence[Item]) -> "Joined[Item]":
        return Joined(self, other)

    def __radd__(self, other: Sequence[Item]) -> "Joined[Item]":
        return Joined(other, self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)}>"


class Chosen(OnDemand[Item]):
    """Some items of a sequence, in an order of their own: 8 bytes an item are held."""

    def __init__(self, items: Sequence[Item], places: Iterable[int]) -> None:
        self._items, self._places = items, array("q", places)

    def __len__(self) -> int:
        return len(self._places)

    def make(self, number: int) -> Item:
        """Return the item itself."""
        return self._items[self._places[number]]


class Made(OnDemand[Item]):
    """Items that are made from those of another sequence.

    Each is made once at the beginning, so that what cannot be made is known before any is used.

    Args:
        of: the other sequence; a table with lengths and numbers will do.
        how: (number from 0, its item there) -> item.
    """

    def __init__(self, of: Any, how: Callable[[int, Any], Item]) -> None:
        self._of, self._how = of, how
        for _ in self:
            pass

    def __len__(self) -> int:
        return len(self._of)

    def make(self, number: int) -> Item:
        """Return the item made anew."""
        return self._how(number, self._of[number])


class Joined(OnDemand[Item]):
    """Several sequences, one after the other."""

    def __init__(self, *parts: Sequence[Item]) -> None:
        self._parts = parts
        self._ends = list(itertools.accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def make(self, number: int) -> Item:
        """Return the part's own item."""
        part = bisect.bisect_right(self._ends, number)
        return self._parts[part][number - self._ends[part]]  # counted from the part's end


class Index(Generic[Item]):
    """Where in a sequence the item of a name stands: 16 bytes an item are held, and no name."""

    def __init__(self, items: Sequence[Item], name_of: Callable[[Item], str]) -> None:
        self._items, self._name_of = items, name_of
        short = (digest(name_of(item), size=8) for item in items)
        digests = np.fromiter(short, np.uint64, len(items))
        self._places = np.argsort(digests, kind="stable")
        self._digests = digests[self._places]

    def place(self, name: str) -> int | None:
        """Return the number of the first item of this name; None: there is none."""
        wanted = np.uint64(digest(name, size=8))
        start = np.searchsorted(self._digests, wanted, "left")
        stop = np.searchsorted(self._digests, wanted, "right")
        places = map(int, self._places[start:stop])  # two names of one digest are told apart
        return next((at for at in places if self._name_of(self._items[at]) == name), None)

    def find(self, name: str) -> Item | None:
        """Return the first item of this name; None: there is none."""
        place = self.place(name)
        return None if place is None else self._items[place]

    def repeated(self) -> int | None:
        """Return the number of an item whose name an earlier one has; None: all differ."""
        alike = np.flatnonzero(self._digests[1:] == self._digests[:-1]) + 1
        for at in sorted(map(int, self._places[alike])):
            if self.place(self._name_of(self._items[at])) != at:
                return at
        return None


def digest(text: str, size: int = 14) -> int:
    """Return a number that stands for a text, of so many bytes.

    Of 14 bytes, two texts with one number are not to be met; with fewer, look at the texts too.
    """
    content = text.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=size).digest())
