"""What every teacher that is asked has in common: a server's client, or a model on this machine."""

from dataclasses import dataclass
from typing import Protocol, Self

from mkdkit.teachers.asking.prices import Cover
from mkdkit.teachers.asking.prompts import Said


class UnansweredError(Exception):
    """This request has no answer, and will have none; the message says why."""


class RefusedError(ValueError):
    """No request can succeed: a wrong key, model or address, or no money left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request brought."""

    said: list[Said]
    model: str  # as the server names it
    request_id: str | None


class Teacher(Protocol):
    """Whoever writes what a prompt asks for."""

    identity: dict[str, str]  # beside its name, what makes its answers comparable

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *error: object) -> None: ...

    async def ask(self, prompt: str, *, n: int, have: int, max_tokens: int, cover: Cover) -> Reply:
        """Up to `n` replies to a prompt that has `have` already; `cover` is told what they cost.

        Raises:
            UnansweredError: this prompt will have none.
            OutOfBudgetError: another try is not covered.
            ValueError: no other prompt will have one either.
        """
        ...
