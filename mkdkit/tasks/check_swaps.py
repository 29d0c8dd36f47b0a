"""Process check of tracking shuffled objects: the swaps are simulated beside the rationale.

A statement ("Ann now has the red ball", "Ann: red ball", "Ann is dancing with Ron") is compared
with who has what at its place in the chain. The place is known where the chain names every swap
once, in order, and says something after each; otherwise the writer gets the benefit of the doubt,
and a statement is false only if it holds neither at the place reached so far nor at a later one.
After "since", "had" or "at the start" it may also tell of an earlier state. Last, the option
chosen is compared with its own text and with what the chain says of the person asked about; one
that is turned down ("not (B)", "(B) is wrong") is not chosen.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from mkdkit.records import Question
from mkdkit.tasks.options import is_excluded, is_refused
from mkdkit.tasks.slips import Slip
from mkdkit.tasks.swaps import LETTERS, Deal, names_of, read

_LINKS = (  # words that may stand between a person and what the person has
    "has have holds gets receives takes owns keeps becomes is ends up plays dances with now still "
    "then also again finally currently back left in at the a an playing dancing holding possession "
    "position partnered paired of his her their will would"
)
_LINK = (
    rf"(?: ?(?::|->|=|\u2192|\u2013| -) ?|\*\*:? |(?: (?:{'|'.join(_LINKS.split())})\b){{0,7}}+ )"
)
_LOOKS_BACK = re.compile(
    r"\b(?:since|because|before|previous(?:ly)?|original(?:ly)?|initial(?:ly)?|start(?:s|ed|ing)?"
    r"|beginning|had|was|were|if|who|which|instead|would)\b",
    re.IGNORECASE,
)
_AT_THE_END = re.compile(r"\b(?:ends?|finally|final)\b", re.IGNORECASE)
_GIVES = re.compile(r"\b(?:giv(?:es|ing)|gave|hand(?:s|ing)|pass(?:es|ing)|to|from|with) $")
_SWAPS = r"(?:swap|trade|trading|switch|exchange)\w*"
_CLAUSE = re.compile(r"[.\n;!?]")
_OPTION = re.compile(r"\(([A-G])\)(?: ((?:the )?[\w' -]{1,40}))?")


@dataclass(frozen=True, slots=True)
class Statement:
    """Who is said to have which item, and where."""

    start: int
    end: int
    person: str
    item: str
    looks_back: bool  # it may tell of an earlier state


def find_slips(question: Question, text: str) -> list[Slip]:
    """Return the first false statement, if any, and an option that does not fit the chain."""
    deal = read(question.text)
    if deal is None:
        return []
    statements = _statements(deal, text)
    return [*_false_statement(deal, statements, text), *_wrong_option(deal, statements, text)]


def _statements(deal: Deal, text: str) -> list[Statement]:
    names = {name: item for item in deal.items for name in names_of(item, deal)}
    items = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    people = "|".join(map(re.escape, deal.people))
    pattern = re.compile(rf"\b({people}){_LINK}[\"*(]{{0,3}}({items})(?!\w|['\u2019]s)")
    found = []
    for match in pattern.finditer(text):
        clause = _CLAUSE.split(text[max(0, match.start() - 200) : match.start()])[-1]
        if _GIVES.search(clause):  # "Ron gives Ann the red ball"
            continue
        looks_back = _LOOKS_BACK.search(clause + match[0]) is not None
        item = names[match[2]]
        found.append(Statement(match.start(), match.end(), match[1], item, looks_back))
    return found


def _false_statement(deal: Deal, statements: list[Statement], text: str) -> list[Slip]:
    """Return a slip for the first statement that is false, however the chain may be read."""
    marks = _marks(deal, statements, text)
    states, reached = deal.states, 0
    for number, said in enumerate(statements):
        true_at = [at for at, state in enumerate(states) if state[said.person] == said.item]
        if marks:
            place = sum(mark < said.start for mark in marks)
            allowed = {place, *((0, place - 1) if said.looks_back else ())}
            if _is_corrected(said, statements[number + 1 :], [*marks, len(text)][place]):
                allowed.add(place - 1)  # the state before the swap, then the one after it
            if place < len(marks) and not _CLAUSE.search(text[said.end : marks[place]]):
                allowed.add(place + 1)  # "Ann gets the red ball, when she and Bob swap"
            is_false = not allowed & set(true_at)
        elif said.looks_back:
            continue
        else:
            place = reached = next((at for at in true_at if at >= reached), reached)
            is_false = reached not in true_at
        if is_false:
            right = states[place][said.person]
            reason = f"{said.person} has the {right} there, not the {said.item}"
            is_start = place == 0 and (marks or not re.search(_SWAPS, text[: said.start]))
            if _AT_THE_END.search(_CLAUSE.split(text[: said.end])[-1]):
                is_start = False  # the answer told first
            return [Slip(said.start, said.end, reason, "reading" if is_start else "state")]
    return []


def _is_corrected(said: Statement, later: list[Statement], end: int) -> bool:
    """Return whether the same person is said to have something else before `end`."""
    return any(s.person == said.person and s.item != said.item and s.end < end for s in later)


def _marks(deal: Deal, statements: list[Statement], text: str) -> list[int]:
    """Return where each swap is named; [] unless all are, in order, with something said between."""
    people = "|".join(map(re.escape, deal.people))
    pattern = re.compile(
        rf"\b({people}) (?:and|&) ({people})\b(?=[^.\n]{{0,40}}?\b{_SWAPS})"
        rf"|\b(?i:{_SWAPS})(?: \w+){{0,3}}? (?:between )?({people}) (?:and|with|&) ({people})\b"
        rf"|\b({people}) {_SWAPS}(?: \w+){{0,2}}? with ({people})\b"
    )
    marks: list[tuple[int, set[str]]] = []
    for match in pattern.finditer(text):
        pair = {name for name in match.groups() if name}
        spoken = not marks or any(marks[-1][0] < said.start < match.end() for said in statements)
        if spoken or pair != marks[-1][1]:
            marks.append((match.end(), pair))
    in_order = [pair for _, pair in marks] == [set(pair) for pair in deal.swaps]
    starts = [mark for mark, _ in marks]
    spoken = all(any(a < said.start < b for said in statements) for a, b in pairwise(starts))
    return starts if in_order and spoken else []


def _wrong_option(deal: Deal, statements: list[Statement], text: str) -> list[Slip]:
    """Return a slip if the last option named is not what the chain last says of the asked."""
    options = [match for match in _OPTION.finditer(text) if not _is_turned_down(deal, match, text)]
    if not options or options[-1][1] not in LETTERS[: len(deal.options)]:
        return []
    last = options[-1]
    chosen = deal.options[LETTERS.index(last[1])]
    if any(option[1] != last[1] and option.start() > last.start() - 60 for option in options):
        return []  # a list of options
    named = _named(deal, last[2] or "")
    if named and chosen not in named:
        reason = f"({last[1]}) is the {chosen}, not the {next(iter(named))}"
        return [Slip(*last.span(), reason, "conclusion")]
    said = [s for s in statements if s.person == deal.asked and s.end <= last.start() + 1]
    silent = said and deal.asked not in text[said[-1].end : last.start()]
    if silent and said[-1].item != chosen and not said[-1].looks_back:
        reason = f"({last[1]}) is the {chosen}, but {deal.asked} has the {said[-1].item} above"
        return [Slip(*last.span(), reason, "conclusion")]
    return []


def _named(deal: Deal, words: str) -> dict[str, int]:
    """Return the items that the words begin with ("red", "the red ball"), and how far each goes."""
    ends: dict[str, int] = {}
    for item in deal.options:
        for name in names_of(item, deal):
            match = re.match(rf"(?:the )?{re.escape(name)}(?!\w)", words)
            if match:
                ends[item] = max(match.end(), ends.get(item, 0))
    return ends


def _is_turned_down(deal: Deal, option: re.Match[str], text: str) -> bool:
    named = _named(deal, option[2] or "")
    end = option.start(2) + max(named.values()) if named else option.start() + len("(A)")
    return is_excluded(text, option.start()) or is_refused(text, end)
