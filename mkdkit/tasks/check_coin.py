"""Process check of coin flip: the flips are simulated beside the rationale.

Checked sentence by sentence: the state said after a person's turn ("After Ann it is tails", "Ann
turns it: tails"), who is said to flip or not to, "3 is odd", the state at the start and, in the
last sentence, at the end, and whether yes or no fits it. A sentence that names several people is
read for who flips only, and one that asks, supposes or denies is not read for that either.
"""

import re

from mkdkit.records import Question
from mkdkit.tasks.coins import Flips, read
from mkdkit.tasks.forms import listed
from mkdkit.tasks.slips import Slip, SlipKind

_ACTS = r"(?:flip(?:s|ped)?|(?:turn|press|push)(?:e?s|ed)?)"
_DENIES = r"(?:does not|doesn't|did not|didn't|do not|don't)"
# nobody is said to act in a sentence with one of these: "Bob never flips it", "Neither Bob nor Zoe
# flips it", "If Bob flips it, ...", "Does Bob flip it?"
_NO_CLAIM = re.compile(
    r"\b(?:not|never|neither|nor|no|without|refuses?|refused|declines?|declined|instead"
    r"|if|whether|unless)\b|n['\u2019]t\b|\?",
    re.IGNORECASE,
)
# all that may stand between a person and the act, or the act is another's: not the "it is tails, so
# when Lou" of "After Bob it is tails, so when Lou flips it", nor "watches while Ann"
_GAP = (
    r"(?:,? (?:then|also|now|next|again|finally|just|too|both|all|each|only|has|have|did|does|do"
    r"|and|he|she|they|who|decides to|chooses to)\b,?){0,4}"
)
_ACT = rf"(?P<act>{_ACTS})(?= (?:it|the|this|that|over|once)\b| *[.,:;!]| *$)"  # no "turns to Lou"
_ASIDE = re.compile(  # "After Bob, Lou flips it" is not about Bob
    r"\b(?:after|before|besides|unlike|like|than|with|for|from|to|by)\W*$", re.IGNORECASE
)
_ELSEWHERE = re.compile(  # the state at another time, or none: "Before Bob flips it, it is heads"
    r"\b(?:(?i:if|was|were|had|or|before|until|unless|whether|would|could|should)|may|might)\b|\?"
)
_LATER = re.compile(r"\b(?:after|times|odd|even|then|so|ends?|now)\b", re.IGNORECASE)
_NO_STATE = (  # the "on" of "the switch on the wall", the "up" of "picks it up to look"
    r"(?! (?:or|and|the|an?|his|her|its|this|that|to|of|it|with|by|from)\b)"
)
_START = re.compile(r"\b(?:start(?:s|ed|ing)?|initially|at first|beg[ia]ns?)\b", re.IGNORECASE)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
_PARITY = re.compile(
    rf"\b([0-9]{{1,3}}|{'|'.join(_NUMBERS)}) is (?:an )?(odd|even)\b", re.IGNORECASE
)
_MOVES = re.compile(rf"{_START.pattern}|\b(?:{_ACTS}|odd|even)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def find_slips(question: Question, text: str) -> list[Slip]:
    """Return the slips of each sentence, at most one a sentence."""
    flips = read(question.text)
    if flips is None or len(dict(flips.turns)) < len(flips.turns):  # a name may be two people
        return []
    sentences = [match for match in _SENTENCE.finditer(text) if match[0].strip()]
    named = [_people_in(match[0], flips) for match in sentences]
    # "Ann and Bob flip it. 2 is even." says who flips it, and that nobody else does
    is_only_list = sum(map(bool, named)) == 1 and _PARITY.search(text) is not None
    slips, is_under_way = [], False
    for match, people in zip(sentences, named, strict=True):
        is_last = match.end() >= len(text.rstrip())
        wrong = (
            _wrong_parity(match[0])
            or _wrong_turns(match[0], people, flips, is_only_list=is_only_list)
            or _wrong_state(match[0], people, flips, is_under_way=is_under_way, is_last=is_last)
        )
        is_under_way = is_under_way or bool(people) or _MOVES.search(match[0]) is not None
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
    if len(people) == 1 and acts[people[0]]:
        after = re.search(rf"\b{people[0]}\b(.*)", sentence, re.DOTALL)
        if after and re.match(rf" {_DENIES}(?: {_ACTS}\b|\W*$|[.,:;])", after[1]):
            return f"{people[0]} does flip it", "reading"
    for said in _said_to_act(sentence, flips):
        for person in said:
            if not acts[person]:
                return f"{person} does not flip it", "reading"
        actors = [person for person, acts_too in flips.turns if acts_too]
        if is_only_list and said == people != actors:
            return f"{listed(actors)} flip it, not {listed(people)}", "reading"
    if any(acts.values()) and re.search(rf"\b(?:No (?:one|person)|Nobody) {_ACTS}\b", sentence):
        return f"{listed([person for person in acts if acts[person]])} flip it", "reading"
    return None


def _said_to_act(sentence: str, flips: Flips) -> list[list[str]]:
    """Return the people of each "Ann, Bob and Cy flip it", in the order of the question."""
    if _NO_CLAIM.search(sentence):
        return []
    name = rf"(?:{'|'.join(re.escape(person) for person, _ in flips.turns)})\b"
    found = re.finditer(
        rf"\b(?P<who>{name}(?:(?:,|,? and) {name}){{0,99}}+){_GAP} {_ACT}", sentence
    )
    said = []
    for match in found:
        who = re.findall(name, match["who"])
        if match["act"].endswith("s") or _ASIDE.search(sentence[: match.start()]):
            who = who[-1:]  # "Bob is done, Lou flips it", "After Bob and Lou flipped it"
        said.append([person for person, _ in flips.turns if person in who])
    return said


def _wrong_state(
    sentence: str, people: list[str], flips: Flips, *, is_under_way: bool, is_last: bool
) -> Wrong | None:
    """Return what is wrong with the last state a sentence names, if anything."""
    said = _said_states(sentence, flips)
    if not said or len(people) > 1 or _ELSEWHERE.search(sentence):
        return None
    words, kind = flips.words, "state"
    if people:
        right = words[1 + [person for person, _ in flips.turns].index(people[0])]
    elif _START.search(sentence) or not (is_under_way or is_last):
        if _LATER.search(sentence) or len(set(said)) > 1:
            return None  # "It started heads, so after 3 flips it is tails"
        right, kind = words[0], "reading"
    elif is_last:
        right = words[-1]
    else:
        return None
    if flips.states[said[-1]] != right:
        return f"it is {right} there, not {flips.states[said[-1]]}", kind
    verdict = re.findall(r"\b(yes|no)\b(?=[.!]|$)", sentence, re.IGNORECASE)
    if is_last and verdict and (verdict[-1].lower() == "yes") != (said[-1] == flips.asked):
        return f"{right} does not go with {verdict[-1]}", "conclusion"
    return None


def _said_states(sentence: str, flips: Flips) -> list[int]:
    """Return the states a sentence names, "not heads" as tails."""
    named = rf"(not |no longer |n't )?(?<!from )(?<!than )(?<!of )\b({'|'.join(flips.states)})\b"
    found = re.finditer(named + _NO_STATE, sentence)
    return [flips.states.index(match[2]) ^ bool(match[1]) for match in found]
