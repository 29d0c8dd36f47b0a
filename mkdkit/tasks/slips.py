"""A slip: a place in a rationale where the reasoning is wrong."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slip:
    """A statement that is false, or contradicts another one."""

    start: int  # character where it begins in the rationale
    end: int  # character after its last
    reason: str  # what is wrong, in a few words
