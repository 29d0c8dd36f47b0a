"""Whether what one model says of tokens can be learnt by another."""

from typing import Any


def require_shared(mentor: Any, student: Any) -> None:
    """Raise a ValueError unless two tokenizers give every token the same id, and end texts alike.

    Soft labels are distributions over token ids: with another vocabulary they mean other words, and
    with another end mark the student learns one that stops nobody. Models for chats often have
    another than their bases.
    """
    ours, theirs = student.get_vocab(), mentor.get_vocab()
    if ours != theirs:
        differing = sum(theirs.get(token) != index for token, index in ours.items())
        raise ValueError(
            f"student and mentor must share a vocabulary for soft labels: the student's has "
            f"{len(ours)} tokens, the mentor's {len(theirs)}, and {differing} of the student's "
            "mean something else there; choose bases of one family, or set kd_weight to 0"
        )
    if student.eos_token_id != mentor.eos_token_id:
        raise ValueError(
            "student and mentor must end texts with one token for soft labels: the student's is "
            f"{student.eos_token!r}, the mentor's {mentor.eos_token!r}; choose both as bases or "
            "both for chats, or set kd_weight to 0"
        )
