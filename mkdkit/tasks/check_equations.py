"""Process check of sums: every "a + b = c" in a text is worked out again.

Read are +, -, *, x, ×, ·, ÷, /, brackets, and the words plus, minus, times, divided by; "is",
"equals", "makes" and "gives" count as = right behind a number. Behind a number may stand up to
four words ("15 red pens + 3 blue pens = 18"). What cannot be read is never called false: letters
for unknowns, "half of", "5 million", "2 1/2", roots, dollars with cents, times of day. Where
notation is loose the writer gets the benefit of the doubt: a result may be rounded, 20% may be 20
or 0.2 or a fifth of what it is added to, a dash before a number may be a bullet, units may differ
("2 x 60 minutes = 2 hours"), and in "3 + 4 = 7 + 2 = 9" the first "=" may go to the 7 only.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from mkdkit.records import Question
from mkdkit.tasks.slips import Slip
from mkdkit.tasks.sums import evaluate

# {0,20}+ and (?>...) give nothing back, so that long texts cost time in proportion to their length
_NUMBER = r"[$€£]?(?>[0-9]{1,3}(?:,[0-9]{3}){1,4}(?![0-9])|[0-9]{1,12}+)(?>\.[0-9]{1,12}+)?%?"
_SIGN_WORDS = r"plus|minus|times|divided by|multiplied by"
_SIGN = rf"(?:[-+*/\u2212\u2013×·÷xX]|{_SIGN_WORDS})"
_WORD = rf"(?!(?:{_SIGN_WORDS}|is|equals|makes|gives)\b)[^\W\d_](?:[\w']|/(?![0-9])){{1,20}}+"
_UNKNOWN = r"(?![xX] ?[$0-9(])[A-Za-z](?![A-Za-z])"  # the y of 2y
_UNITS = rf"(?:[ -]?{_WORD}(?: {_WORD}){{0,3}})?"
_OPERAND = rf"(?:\( ?){{0,2}}{_NUMBER}(?![.,]?[0-9:^]|{_UNKNOWN}){_UNITS}(?: ?\)){{0,2}}"
_SUM = rf"{_OPERAND}(?: ?{_SIGN} ?{_OPERAND}){{1,11}}"
_EQUALS = r"(?:=|(?<=[0-9)] )(?:is|equals|makes|gives)\b)"
_EQUATION = re.compile(
    rf"(?<![\w.,:/^$\u221a])(?P<left>{_SUM}) ?{_EQUALS} ?(?=(?P<right>(?:[-\u2212] ?)?{_NUMBER}))"
)
_RIGHT_SUM = re.compile(_SUM)
_PIECE = re.compile(rf"(?P<number>{_NUMBER})|(?P<sign>{_SIGN}(?![a-z])|[()])|{_WORD}|.", re.DOTALL)
_SIGNS = {"plus": "+", "minus": "-", "\u2212": "-", "\u2013": "-", "÷": "/", "divided by": "/"}
_SIGNS |= dict.fromkeys(("x", "X", "×", "·", "times", "multiplied by"), "*")
_MIXED = re.compile(  # "2 1/2", "2 and 1/2", "2½"
    r"(?<![.,\w])[0-9]{1,6} (?:and )?([0-9]{1,4})/([0-9]{1,4})(?![0-9/])"
    r"|[\u00bc-\u00be\u2150-\u215e]"
)
_COINS = re.compile(r"\b(?:cents?|penn(?:y|ies)|nickels?|dimes?|quarters?)\b|\u00a2", re.IGNORECASE)
_CLOCK = re.compile(r"[0-9] ?(?:[ap]m\b|o['\u2019]clock)", re.IGNORECASE)  # 9 am + 4 hours = 1 pm
_PART_OF_A_SUM = re.compile(  # what may stand before a sum that is not the whole left side
    r"(?:[-+*/=^(\u2212\u2013×·÷]|\b(?:[xX]|plus|minus|times|by|per|half|twice|double|triple|sqrt)"
    r"|(?<!sum )(?<!total )(?<!difference )(?<!product )\bof)\s*$"
    r"|[a-z] {2}$"  # a sign was lost: "249 pages/book  1 book/3 days = 83 pages/day"
)
_PART_OF_A_NUMBER = re.compile(  # what may stand behind a result that is not all of it
    r"[\w.,]*[0-9:^]|[A-Za-z](?![A-Za-z])"
    r"|[ -]?(?:tens|hundred|thousand|million|billion|dozens?|percent|r|remainder)\b"
    r"|[ ](?:squared|cubed)\b|[ ]?[(:]"
    rf"|[^.=\n]{{0,30}}{_SIGN} ?[A-Za-z]\b"  # "= 6 + y"
)
_BY_ANOTHER = re.compile(  # a result told by way of another number: "2 more than 5", "2 fives"
    r"(?: [a-z]+){0,2} (?:more|less|fewer|[a-z]+er)(?: [a-z]+){0,2} than (?:the )?[$€£]?[0-9]"
    r"|(?:/[0-9]{1,6}+)?(?: [a-z]+)? of (?:the )?[$€£]?[0-9]"  # "1/2 of 10", "2 groups of 6"
    r"| (?:ones|twos|threes|fours|fives|sixes|sevens|eights|nines|twenties)\b"
)
_SCALE = re.compile(
    r"\b(?:tens|hundred|thousand|million|billion|dozens?|percent|squared|cubed)\b|[0-9]/[0-9]+/[0-9]"
)
_MINUS_OR_BULLET = re.compile(r"(?:^|[\n.:;,(=]) *[-\u2212] ?$")
_UNIT = re.compile(
    r"\b(second|minute|hour|day|week|month|year|cent|dollar|inch|foot|feet|yard|mile|gram|kilogram"
    r"|kg|meter|cm|km|liter|ml|ounce|pound|penn|nickel|dime|quarter|pint|gallon)(?:s|es|y|ies)?\b"
)


def find_slips(question: Question, text: str) -> list[Slip]:
    """Return a slip for every equation that is false however it may be read."""
    return [Slip(start, end, wrong, "arithmetic") for start, end, wrong in _judge(text) if wrong]


def find_holding(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every equation that holds exactly, not of one that was rounded."""
    return [(start, end) for start, end, wrong in _judge(text) if wrong == ""]


def find_operands(text: str) -> list[tuple[int, int, list[Fraction]]]:
    """Return (start, end, the numbers in it) of the left side of every equation."""
    return [(*match.span("left"), numbers_of(match["left"])) for match in _EQUATION.finditer(text)]


def numbers_of(text: str) -> list[Fraction]:
    """Return the numbers written in figures, in the order of the text, without sign and unit.

    >>> numbers_of("$1,250.50 and 20%")
    [Fraction(2501, 2), Fraction(20, 1)]
    """
    return [number for _, number in find_numbers(text)]


def find_numbers(text: str) -> list[tuple[int, Fraction]]:
    """Return (where it ends, the number) of the numbers written in figures, as `numbers_of`."""
    found = re.finditer(_NUMBER, text)
    return [(match.end(), Fraction(re.sub(r"[^0-9.]", "", match[0]))) for match in found]


def _judge(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (start, end, what is wrong; "" if it holds exactly) of what can be judged."""
    for match in _EQUATION.finditer(text):
        start, end = match.start("left"), match.end("right")
        before = ("" if start <= 30 else "?") + text[max(0, start - 30) : start]
        behind = text[end : end + 40]
        may_be_negative = _MINUS_OR_BULLET.search(before) is not None
        if _PART_OF_A_SUM.search(before) and not may_be_negative:
            continue
        if _PART_OF_A_NUMBER.match(behind) or _BY_ANOTHER.match(behind):
            continue
        if _SCALE.search(match["left"]):
            continue
        if _is_in_other_notation(text, start, end):
            continue
        further = _RIGHT_SUM.match(text, match.start("right"))
        rights = _readings(match["right"]) + (_readings(further[0]) if further else [])
        lefts = _readings(match["left"])
        lefts += _readings(f"-{match['left']}") if may_be_negative else []
        units = set(_UNIT.findall(match["left"])), set(_UNIT.findall(behind.partition("=")[0][:20]))
        if any(left[0] == right[0] for left in lefts for right in rights):
            yield start, end, ""
        elif any(_agree(left, right) for left in lefts for right in rights):
            continue  # as a writer may round: neither false nor vouched for
        elif lefts and not _may_convert(match["left"], *units):
            yield (
                start,
                end,
                f"{match['left'].strip()} is {_written(lefts[0])}, not {match['right']}",
            )


def _is_in_other_notation(text: str, start: int, end: int) -> bool:
    """Return whether figures mean more than they say: "2 1/2 + 1 1/2", "$2 + 50 cents", "9 am"."""
    said = text[start : end + 7]  # with what may be the result's unit
    is_mixed = any(
        match[1] is None or int(match[1]) < int(match[2])
        for match in _MIXED.finditer(text, max(0, start - 8), end + 8)
    )
    return is_mixed or ("$" in said and bool(_COINS.search(said))) or bool(_CLOCK.search(said))


def _may_convert(left: str, given: set[str], found: set[str]) -> bool:
    """Return whether a unit may become another: in "1 hour + 30 minutes = 90" as in "= 2 hours"."""
    is_added = re.search(r"[-+\u2212\u2013]|\b(?:plus|minus)\b", left) is not None
    return given != found if found else len(given) > 1 and is_added


Number = tuple[Fraction, int]  # a value, and the decimals it is written with


def _readings(text: str) -> list[Number]:
    """Return every value a sum or number may be read as, the plain one first."""
    parts: list[str] = [m[0] for m in _PIECE.finditer(text) if m["number"] or m["sign"]]
    decimals = len(parts[-1].partition(".")[2].rstrip("%"))
    starts = [0, *(at + 1 for at, part in enumerate(parts) if part == "-" and at)]
    found = []
    for start in starts:  # a dash may be a bullet, if a sum follows it
        reading = parts[start:]
        if start and not any(part in _SIGNS or part in "+-*/" for part in reading):
            continue
        for share in (False, True) if "%" in text else (False,):
            value = evaluate([_part(part, share) for part in reading])
            value = (
                evaluate([_part(part, share) for part in reading[1:]]) if value is None else value
            )
            found += [] if value is None else [(value, decimals)]
    return found + _raised(parts, decimals)


def _raised(parts: Sequence[str], decimals: int) -> list[Number]:
    """Return what "50 + 10%" is where a tenth of 50 is meant."""
    if len(parts) < 3 or not parts[-1].endswith("%") or _part(parts[-2], False) not in ("+", "-"):
        return []
    whole, share = evaluate([_part(one, False) for one in parts[:-2]]), _part(parts[-1], True)
    if whole is None or isinstance(share, str):
        return []
    return [(whole * (1 + share if _part(parts[-2], False) == "+" else 1 - share), decimals)]


def _part(text: str, is_share: bool) -> str | Fraction:
    if not re.search("[0-9]", text):
        return _SIGNS.get(text.lower(), text)
    return Fraction(re.sub(r"[^0-9.]", "", text)) / (100 if is_share and "%" in text else 1)


def _agree(left: Number, right: Number) -> bool:
    """Return whether the right side is the left one, exactly, or rounded if it has to be."""
    (value, _), (said, decimals) = left, right
    is_exact = (value * 10**decimals).denominator == 1
    return value == said if is_exact else abs(value - said) < Fraction(1, 10**decimals)


def _written(value: Number) -> str:
    number = value[0]
    return str(number) if number.denominator == 1 else f"{float(number):.4g}"
