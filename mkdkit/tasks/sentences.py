"""How far an answer's own words go in a text: to the end of its sentence, or to its reason."""

import re

SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")
_REASON = re.compile(
    # "twice as many as 4" compares, and gives no reason
    r"\b(?:times|twice|half|same|just) as(?: \w+ as)?\b"
    r"|\b(?P<reason>because|since|as|check)\b",
    re.IGNORECASE,
)


def first_sentence(text: str) -> str:
    """Return the text up to the end of its first sentence or line, without blanks around it."""
    return SENTENCE_END.split(text.strip(), maxsplit=1)[0].strip()


def before_reason(sentence: str) -> str:
    """Return a sentence up to where it explains or checks what it says.

    >>> before_reason("3, because 3 + 5 = 8")
    '3'
    """
    for found in _REASON.finditer(sentence):
        if found["reason"]:
            return sentence[: found.start()].rstrip(" ,;(")
    return sentence
