"""Process check of coin flip: the flips are simulated beside the rationale.

Checked sentence by sentence: the state said after a person's turn ("After Ann it is tails", "Ann
turns it: tails"), who is said to flip or not to, "3 is odd", the state at the start and, in the
last sentence, at the end, and whether yes or no fits it. A sentence that names several people is
read for who flips only.
"""

import re

from mkdkit.records import Question
from mkdkit.tasks.coins import Flips, read
from mkdkit.tasks.forms import listed
from mkdkit.tasks.slips import Slip, SlipKind

_ACTS = r"(?:flip|turn|press|push)(?:e?s|ed)?"
_DENIES = r"(?:does not|doesn't|did not|didn't|do not|don't)"
_START = re.compile(r"\b(?:start(?:s|ed|ing)?|initially|at first|beg[ia]ns?)\b", re.IGNORECASE)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_PARITY = re.compile(
    rf"\b([0-9]{{1,3}}|{'|'.join(_NUMBERS)}) is (?:an )?(odd|even)\b", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def find_slips(question: Question, text: str) -> list[Slip]:
    """Return the slips of each sentence, at most one a sentence."""
    flips = read(question.text)
    if flips is None:
        return []
    sentences = [match for match in _SENTENCE.finditer(text) if match[0].strip()]
    named = [_people_in(match[0], flips) for match in sentences]
    # "Ann and Bob flip it. 2 is even." says who flips it, and that nobody else does
    is_only_list = sum(map(bool, named)) == 1 and _PARITY.search(text) is not None
    slips, turns_seen = [], False
    for match, people in zip(sentences, named, strict=True):
        is_last = match.end() >= len(text.rstrip())
        wrong = (
            _wrong_parity(match[0])
            or _wrong_turns(match[0], people, flips, is_only_list=is_only_list)
            or _wrong_state(match[0], people, flips, turns_seen=turns_seen, is_last=is_last)
        )
        turns_seen = turns_seen or bool(people)
        if wrong:
            slips.append(Slip(match.start(), match.end(), *wrong))
    return slips


def _people_in(sentence: str, flips: Flips) -> list[str]:
    words = set(re.findall(r"\w+", sentence))
    return [person for person, _ in flips.turns if person in words]


Wrong = tuple[str, SlipKind]  # what is wrong in a sentence, and of which kind that is


def _wrong_parity(sentence: str) -> Wrong | None:
    for match in _PARITY.finditer(sentence):
        number = _NUMBERS.get(match[1].lower()) or int(match[1])
        if (number % 2 == 1) != (match[2].lower() == "odd"):
            return f"{number} is not {match[2].lower()}", "arithmetic"
    return None


def _wrong_turns(
    sentence: str, people: list[str], flips: Flips, *, is_only_list: bool
) -> Wrong | None:
    """Return what is wrong with who is said to act, if anything."""
    acts = dict(flips.turns)
    denies = re.search(rf"\b{_DENIES}\b", sentence) is not None
    for person in people:
        after = sentence[sentence.find(person) + len(person) :]
        if acts[person] and len(people) == 1 and re.match(rf" {_DENIES}\b", after):
            return f"{person} does flip it", "reading"
        if not acts[person] and not denies and re.match(rf"(?:,| and)?[\w, ]*? {_ACTS}\b", after):
            return f"{person} does not flip it", "reading"
    actors = [person for person, acts_too in flips.turns if acts_too]
    is_list = is_only_list and people and not denies and re.search(rf"\b{_ACTS} it\b", sentence)
    if is_list and people != actors:
        who = listed(actors) if actors else "nobody"
        return f"{who} flip it, not {listed(people)}", "reading"
    if actors and re.search(rf"\b(?:No (?:one|person)|Nobody) {_ACTS}\b", sentence):
        return f"{listed(actors)} flip it", "reading"
    return None


def _wrong_state(
    sentence: str, people: list[str], flips: Flips, *, turns_seen: bool, is_last: bool
) -> Wrong | None:
    """Return what is wrong with the last state a sentence names, if anything."""
    states = "|".join(flips.states)
    found = list(
        re.finditer(rf"(not |no longer )?(?<![\w])({states})\b(?! (?:or|and)\b)", sentence)
    )
    if not found or len(people) > 1 or re.search(r"\b(?:if|was|were|had|or)\b|\?", sentence):
        return None
    said = flips.states.index(found[-1][2]) ^ bool(found[-1][1])
    words, kind = flips.words, "state"
    if people:
        right = words[1 + [person for person, _ in flips.turns].index(people[0])]
    elif _START.search(sentence) or not (turns_seen or is_last):
        right, kind = words[0], "reading"
    elif is_last:
        right = words[-1]
    else:
        return None
    if flips.states[said] != right:
        return f"it is {right} there, not {flips.states[said]}", kind
    verdict = re.findall(r"\b(yes|no)\b(?=[.!]|$)", sentence, re.IGNORECASE)
    if is_last and verdict and (verdict[-1].lower() == "yes") != (said == flips.asked):
        return f"{right} does not go with {verdict[-1]}", "conclusion"
    return None
