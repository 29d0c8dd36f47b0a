"""Process check of last letter concatenation.

Compared with the question's words are: every letter said to end a word ("Ann ends in n", 'the last
letter of "Ann" is "n"', "Ann: n"), what is joined so far behind one ("Bob: b, so nb"), and the
whole at the end of the text, if it stands behind a word like "get" or "make", a colon or quotes.
Letters that may be others than the last are left alone: "Bob: B, o, b", "Bob has an o".
"""

import re

from mkdkit.records import Question
from mkdkit.tasks.letters import answer, read
from mkdkit.tasks.slips import Slip

_OPENS, _CLOSES = r"[\"'*(\u2018\u201c]", r"[\"'*)\u2019\u201d]"
_LINK = (
    r"[\"'*)\u201d]{0,4}(?:,(?= (?:which|the|ends|has)))?(?: ?(?:->|[-:=\u2192\u2013]"
    r"|\b(?:is|ends|in|with|has|which|the|last|letter|gives|would|be)\b)){1,8}+ ?"
)
_CHARACTER = r"[^\W\d_]"
_SPELLS_ON = (  # the o of 'Lou: "L", "o", "u"' and of "Lou - L, o, u": what came is no last letter
    rf"(?!{_CLOSES}{{0,3}} ?(?:->|and\b|[-,+/&\u2192\u2013])? ?{_OPENS}{{0,3}}"
    rf"{_CHARACTER}(?![\w'\u2019]))"
)
_SO_FAR = re.compile(  # not the "we" of "so we write b"
    r"[\"'*)]{0,3}, so [\"'*]?([a-z]+)(?=[\"'*)]{0,3}(?:[.,;!\n]|$))"
)
_OTHER_PLACE = re.compile(  # before a name: 'the first letter of "Bob" is "B"'
    r"\b(?:first|second|third|fourth|fifth|middle|other|next) letters? (?:of|in) "
    rf"{_OPENS}{{0,3}}$"
)
_LAST_PLACE = re.compile(r"\blast letter (?:of|in)\b[^.\n]{0,20}$")
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
    slips = []
    for match in _said_of(words).finditer(text):
        word, said = match["word"], match["quoted"] or match["bare"]
        before = text[max(0, match.start() - 40) : match.start()]
        if _OTHER_PLACE.search(before) or _may_be_inside(match["link"], before):
            continue
        if said.casefold() != word[-1].casefold():
            reason = f"{word} ends in {word[-1]}, not {said}"
            slips.append(Slip(match.start(), match.end(), reason))
        so_far = _SO_FAR.match(text, match.end())
        right = [joined[:n] for n, one in enumerate(words, start=1) if one == word]
        if so_far and so_far[1] not in right:
            reason = f"the letters so far make {right[0]}, not {so_far[1]}"
            slips.append(Slip(match.start(), so_far.end(), reason))
    return slips


def _said_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds a word and the letter said to be its last: 'Bob ends in a "b"'."""
    names = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    # the "a" of 'a "b"', "a (b)", "a B" and "a 3-letter name" is an article; that of "Lena - a Bob
    # - b" and "1. Lena: a 2. Bob: b" is a letter
    article = rf"[aA] (?:{_OPENS}|(?!(?:{names})\b)[A-Z]|[0-9](?![0-9]*[.)]))"
    quoted = rf"{_OPENS}{{1,3}}(?P<quoted>{_CHARACTER}){_CLOSES}"
    bare = rf"(?!{article})(?P<bare>{_CHARACTER})(?![\w'\u2019-]| [a-z])"
    return re.compile(
        rf"(?<!\w)(?P<word>{names})(?P<link>{_LINK})(?:an? )?(?:{quoted}|{bare}){_SPELLS_ON}"
    )


def _may_be_inside(link: str, before: str) -> bool:
    """Return whether a letter may be any one of its word, as in "Bob has an o"."""
    says_last = re.search(r"\b(?:last|ends)\b", link) or _LAST_PLACE.search(before)
    return re.search(r"\b(?:has|with|in)\b", link) is not None and not says_last


def _wrong_end(words: tuple[str, ...], joined: str, text: str) -> list[Slip]:
    last_line = max(text.rstrip().rfind("\n"), len(text) - 120, 0)
    match = _WHOLE.search(text.rstrip()[last_line:])
    if match is None:
        return []
    said, has_cue = match[2], match[1] or match.start(2) > match.start()
    is_word = said.casefold() in {word.casefold() for word in words}
    if not has_cue or is_word or said.casefold() == joined or abs(len(said) - len(joined)) > 1:
        return []
    start = last_line + match.start(2)
    if not match[1] and re.search(rf"\b{re.escape(joined)}\b", text[:start], re.IGNORECASE):
        return []  # "We get abx. That is fun."
    reason = f"the last letters make {joined}, not {said}"
    named = [re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None for word in words]
    kind = "reading" if any(named) and not all(named) else "state"  # a word was left out
    return [Slip(start, start + len(said), reason, kind)]
