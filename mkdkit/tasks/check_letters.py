"""Process check of last letter concatenation.

Compared with the question's words are: every letter said to end a word ("Ann ends in n", 'the last
letter of "Ann" is "n"', "Ann: n"), what is joined so far behind one ("Bob: b, so nb"), and the
whole at the end of the text, if it stands behind a word like "get" or "make", a colon or quotes.
"""

import re

from mkdkit.records import Question
from mkdkit.tasks.letters import answer, read
from mkdkit.tasks.slips import Slip

_LINK = (
    r"[\"'*)\u201d]{0,4}(?:,(?= (?:which|the|ends|has)))?(?: ?(?:->|[-:=\u2192\u2013]"
    r"|\b(?:is|ends|in|with|has|which|the|last|letter|gives|would|be)\b)){1,8}+ ?"
)
_LETTER = r"(?:[\"'*(\u201c]{1,3}([^\W\d_])[\"'*)\u201d]|([^\W\d_])(?![\w'\u2019-]| [a-z]))"
_SO_FAR = re.compile(r"[\"'*)]{0,3}, so [\"'*]?([a-z]+)\b")
_WHOLE = re.compile(
    r"(?:\b(?:gets?|gives?|makes?|is|are|be|forms?|spells?|together|letters)[,:]? |[:=] |\n)?"
    r"([\"'*\u201c]{0,3})([A-Za-z]{2,24})[\"'*.!\u201d ]{0,4}$"
)


def find_slips(question: Question, text: str) -> list[Slip]:
    """Return a slip for every wrong last letter, wrong joining on the way, and wrong end."""
    words = read(question.text)
    if words is None:
        return []
    joined = answer(words)
    return [*_wrong_letters(words.words, joined, text), *_wrong_end(words.words, joined, text)]


def _wrong_letters(words: tuple[str, ...], joined: str, text: str) -> list[Slip]:
    names = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    slips = []
    found = re.finditer(rf"(?<!\w)({names}){_LINK}{_LETTER}", text)
    for count, match in enumerate(found, start=1):
        word, said = match[1], match[2] or match[3]
        if said.casefold() != word[-1].casefold():
            reason = f"{word} ends in {word[-1]}, not {said}"
            slips.append(Slip(match.start(), match.end(), reason))
        so_far = _SO_FAR.match(text, match.end())
        if so_far and so_far[1] != joined[:count]:
            reason = f"the letters so far make {joined[:count]}, not {so_far[1]}"
            slips.append(Slip(match.start(), so_far.end(), reason))
    return slips


def _wrong_end(words: tuple[str, ...], joined: str, text: str) -> list[Slip]:
    last_line = max(text.rstrip().rfind("\n"), len(text) - 120, 0)
    match = _WHOLE.search(text.rstrip()[last_line:])
    if match is None:
        return []
    said, has_cue = match[2], match[1] or match.start(2) > match.start()
    is_word = said.casefold() in {word.casefold() for word in words}
    if not has_cue or is_word or said.casefold() == joined or abs(len(said) - len(joined)) > 1:
        return []
    start, reason = last_line + match.start(2), f"the last letters make {joined}, not {said}"
    named = [re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None for word in words]
    kind = "reading" if any(named) and not all(named) else "state"  # a word was left out
    return [Slip(start, start + len(said), reason, kind)]
