"""Every answer a server gave, on a line of its own, so that nothing is paid for twice.

A journal only grows. Its first line says which teacher was asked how; every other line is one
answer, named by the digest of the request and the number of the sample. A line that was half
written when the process was killed is cut off when the journal is opened again: only what was in
flight is asked again. One process at a time writes to a journal.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from filelock import FileLock, Timeout

from mkdkit import strict_json


class Journal:
    """The answers of one collection, in a file; only their places are held in memory."""

    def __init__(self, path: Path, asked: Mapping[str, Any]) -> None:
        """Open the journal at `path`, or begin it; use it in a `with` statement.

        Args:
            path: its file; `.lock` beside it is held while the journal is open.
            asked: all that makes answers comparable (model, prompts, temperature, ...).

        Raises:
            ValueError: another process has it open, it was begun with other settings, or a line
                of it is damaged.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"{path} is open in another process; wait for it to end") from None
        try:
            self._places, self._spent_in_vain = _read_places(path, dict(asked))
            self._file: BinaryIO = path.open("r+b" if path.is_file() else "x+b")
            if self._file.seek(0, 2) == 0:
                self._write({"asked": dict(asked)})
        except BaseException:
            self._lock.release()
            raise

    def count(self, request: str) -> int:
        """How many samples of a request there are."""
        return len(self._places.get(request, ()))

    def read(self, request: str, sample: int) -> dict[str, Any]:
        """The answer with that number."""
        self._file.seek(self._places[request][sample])
        answer: dict[str, Any] = json.loads(self._file.readline())["answer"]
        return answer

    def append(self, request: str, *answers: Mapping[str, Any]) -> None:
        """Keep more answers of a request; they are with the system when this returns.

        Answers given together are written together: they were paid for together, and a process
        that is killed keeps all of them or none.
        """
        lines = [{"request": request, "answer": dict(answer)} for answer in answers]
        self._places.setdefault(request, []).extend(self._write(*lines))

    def note_spent(self, prompt_tokens: float, completion_tokens: float) -> None:
        """Keep what a request cost that brought no answer."""
        self._write({"spent": [prompt_tokens, completion_tokens]})

    def spent(self) -> tuple[float, float]:
        """(prompt tokens, completion tokens) of all requests, answered or not."""
        prompt, completion = self._spent_in_vain
        for answer in self.answers():
            tokens = answer["tokens"]  # of the whole request, which brought so many replies
            prompt += tokens["prompt"] / tokens["replies"]
            completion += tokens["completion"] / tokens["replies"]
        return prompt, completion

    def answers(self) -> Iterator[dict[str, Any]]:
        """All answers, request by request."""
        for request, places in self._places.items():
            for sample in range(len(places)):
                yield self.read(request, sample)

    def _write(self, *lines: Mapping[str, Any]) -> list[int]:
        written = [json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in lines]
        end = self._file.seek(0, 2)
        self._file.write(b"".join(written))  # one call to the system, however long
        self._file.flush()
        return list(accumulate(map(len, written), initial=end))[:-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._file.close()
        self._lock.release()


def _read_places(
    path: Path, asked: dict[str, Any]
) -> tuple[dict[str, list[int]], tuple[float, float]]:
    """Request -> where its answers begin in the file, and what was spent without an answer.

    A half-written last line is cut off.
    """
    places: dict[str, list[int]] = {}
    prompt = completion = 0.0
    if not path.is_file():
        return places, (prompt, completion)
    with path.open("r+b") as file:
        place = 0
        for number, raw in enumerate(file, start=1):
            line = _line(raw)
            if line is None and not raw.endswith(b"\n"):
                file.truncate(place)
                break
            if line is None:
                raise ValueError(f"{path}, line {number}: damaged; remove that line to go on")
            if number == 1:
                _require_same(path, line.get("asked"), asked)
            elif "asked" in line:
                raise ValueError(f"{path}, line {number}: another journal begins; part the two")
            elif "spent" in line:
                prompt, completion = prompt + line["spent"][0], completion + line["spent"][1]
            else:
                places.setdefault(line["request"], []).append(place)
            place += len(raw)
    return places, (prompt, completion)


def _line(raw: bytes) -> dict[str, Any] | None:
    """A line as it was written, or None if it is not whole."""
    try:
        line = strict_json.parse(raw.decode())
    except ValueError:
        return None
    whole = isinstance(line, dict) and any(
        name in line and is_right(line) for name, is_right in _KINDS.items()
    )
    return line if whole and raw.endswith(b"\n") else None


def _is_answer(line: Mapping[str, Any]) -> bool:
    answer = line.get("answer")
    tokens = answer.get("tokens") if isinstance(answer, dict) else None
    counts = ("prompt", "completion", "replies")
    return (
        isinstance(line["request"], str)
        and isinstance(tokens, dict)
        and all(_is_amount(tokens.get(name)) for name in counts)
        and tokens["replies"] > 0
    )


def _is_spent(line: Mapping[str, Any]) -> bool:
    spent = line["spent"]
    return isinstance(spent, list) and len(spent) == 2 and all(map(_is_amount, spent))


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


_KINDS: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "asked": lambda line: isinstance(line["asked"], dict),
    "spent": _is_spent,
    "request": _is_answer,
}


def _require_same(path: Path, begun: Any, asked: dict[str, Any]) -> None:
    if not isinstance(begun, dict):
        raise ValueError(f"{path}: not a journal; give another file")
    for name, value in asked.items():
        if begun.get(name) != value:
            raise ValueError(
                f"{path} was begun with {name} {_short(begun.get(name))}, not {_short(value)}; "
                "ask with that, or give another file"
            )


def _short(value: Any) -> str:
    """A value as an error shows it; a prompt's worked examples are long."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
