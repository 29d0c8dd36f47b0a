"""A slip: a place in a rationale where the reasoning is wrong."""

from dataclasses import dataclass
from typing import Literal

# what the question says is told wrongly; a sum is wrong; who has what, or what is joined so far, is
# lost on the way; the answer named is not what the reasoning came to
SlipKind = Literal["reading", "arithmetic", "state", "conclusion"]


@dataclass(frozen=True, slots=True)
class Slip:
    """A statement that is false, or contradicts another one."""

    start: int  # character where it begins in the rationale
    end: int  # character after its last
    reason: str  # what is wrong, in a few words
    kind: SlipKind = "state"
