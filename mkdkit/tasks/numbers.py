"""The number that a text gives as its answer, and what a number is worth.

The answer is None if there is none. Every pattern here takes time linear in the length of the
text.
"""

import re
from fractions import Fraction

from mkdkit.tasks.sentences import SENTENCE_END, before_reason, first_sentence

# a minus is a sign only where no number stands before it; with a blank behind it ("- 12 apples")
# it is a bullet or a dash, but for "5 = - 3"; a star may be the end of bold print
_MINUS = (
    r"(?:(?<![\w)%])(?<![\d)%] )[-\u2212]"
    r"|(?:(?<=[=+/\u00d7\u00f7])|(?<=[=+/\u00d7\u00f7] ))[-\u2212] )"
)
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9}  # zeros
_SCALE = "|".join(_SCALES)
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_BELOW = r"/[1-9][0-9]{0,5}(?![0-9/]|\.[0-9])"
# 1,250 or 3 1/2 or .5 or 2.5 million
_FIGURES = (
    rf"(?P<sign>{_MINUS})?[$\u20ac\u00a3]?(?P<sign2>(?<=[$\u20ac\u00a3])-)?"
    r"(?:(?P<whole>[0-9]{1,6})[ -](?=[0-9]{1,6}/[1-9]))?"
    rf"(?P<digits>{_DIGITS})(?:(?P<below>{_BELOW})| (?P<scale>(?i:{_SCALE}))(?![\w-]))?"
)
_NUMBER = re.compile(_FIGURES)
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORD_VALUES = {word: value for value, word in enumerate(_ONES)}
_WORD_VALUES |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
# "is negative 3", "minus 3"; the minus of "5 minus 3" is no sign
_SIGN_WORD = re.compile(
    r"(?:\bnegative|(?:^\s*|(?<=\bis )|(?<=[=:] ))minus) (?=[$\u20ac\u00a3]?\.?[0-9])",
    re.IGNORECASE,
)
_CONCLUSION = re.compile(r"\b(?:therefore|thus|hence|so)\b", re.IGNORECASE)
_SUM = re.compile(r"[0-9][0-9.,]{0,20}(?: ?[-+*/x\u00d7\u00f7] ?\$?[0-9][0-9.,]{0,20})+")
_ASIDE = re.compile(r"\((?:[^()]|\([^()]*\))*\)")  # (4 + 20) and ((4 + 20) - 2)
# "After 3 days she", "In the 2 hours there", "On 5 days Tom"
_FIRST_PHRASE = (
    r"(?:after|at|by|during|for|from|in|of|on|out of|with) (?:the |these |all )?"
    r"\$?[0-9][0-9.,]{0,20}(?: [a-z]{1,20}){1,3} (?=(?:he|she|it|they|we|you|there)\b"
    r"|(?-i:I\b|[A-Z][a-z]))"
)
_LEAD_IN = re.compile(
    r"(?P<therefore>\W*(?:therefore|thus|hence|so|then|finally)\b,?)?"
    rf"\W*(?:{_FIRST_PHRASE}"
    r"|(?:after|as|at|because|by|during|for|from|given|if|in|of|on|once|out of|since|to|when|"
    r"with)\b[^,=]*,(?![0-9]))",
    re.IGNORECASE,
)
# the 10 of "10 hours = 600 minutes", but not of "10 hours more than 5 = 15", "10 dozen = 120"
_NO_UNIT = r"(?:more|less|plus|minus|times|of|per|percent|squared|cubed|dozen|doubled|halved)\b"
_STATED = re.compile(rf"{_FIGURES}(?: (?!{_NO_UNIT})[A-Za-z]{{2,20}}){{1,3}} ?=")


def extract_number(text: str, *, marked: bool = False) -> str | None:
    """Return the answer's number as text, without thousands separators and currency signs.

    After a mark it is the result of an equation if there is one ("20-5=15" is 15), else the first
    number, else a number word ("five"); a lead-in ("After 3 days she has 12"), asides and what
    follows a "because" count only if nothing else has a number. In a whole text it stands in the
    last sentence that has a number, outside of parentheses and of a lead-in like "if each box has
    6,": behind the last "=", or first after a "therefore" or "so" ("so they have 9 sacks after 2
    days" is 9), or it is the last number. Number words count there only if the text is nothing
    else, since "one" is mostly a pronoun.

    >>> extract_number("20-5=15", marked=True)
    '15'
    >>> extract_number("so she pays 1,250 dollars")
    '1250'
    >>> extract_number("I do not know") is None
    True
    """
    text = _SIGN_WORD.sub("-", text)
    if not marked:
        return last_number(text) or _number_word(text, alone=True)
    sentence = first_sentence(text)
    for part in dict.fromkeys((before_reason(sentence), sentence)):
        if found := _result(_main_clause(part)) or _number_word(part, alone=False):
            return found
    return _result(text)


def last_number(text: str) -> str | None:
    """Return the number a whole text ends in; the rule is that of `extract_number`."""
    sentences = [part for part in SENTENCE_END.split(text) if _NUMBER.search(part)]
    if not sentences:
        return None
    sentence = _main_clause(sentences[-1])
    behind = _NUMBER.search(sentence, sentence.rfind("=")) if "=" in sentence else None
    therefore = _CONCLUSION.search(sentence)
    if behind is None and therefore:  # in "so 3 + 4 apples, 7 in all", the sum is no answer
        behind = _NUMBER.search(_SUM.sub("", sentence[therefore.end() :]))
    return _plain(behind or list(_NUMBER.finditer(sentence))[-1])


def _main_clause(sentence: str) -> str:
    """Return a sentence without asides and lead-in, where that leaves a number.

    "So, if each of the 4 boxes has 6, there are 24 (4 + 20)" becomes "So, there are 24".
    """
    short = _ASIDE.sub(" ", sentence)
    short = short if _NUMBER.search(short) else sentence
    lead_in = _LEAD_IN.match(short)
    if not lead_in or not _NUMBER.search(short, lead_in.end()):
        return short
    return (lead_in["therefore"] or "") + short[lead_in.end() :]


def _result(text: str) -> str | None:
    """Return the number beside the last "=", on its right if it stands alone there; else the first.

    "20-5=15" and "15=20-5" both give 15; "10 hours = 600 minutes" gives 10, as it states that
    first; "3 apples and 4 pears" gives 3.
    """
    if stated := _STATED.match(text):
        return _plain(stated)
    left, equals, right = text.rpartition("=")
    sides = [_SUM.sub("", side) for side in (f"={right}", left)] if equals else []
    for side in [*sides, text]:
        number = _NUMBER.search(side)
        if number:
            return _plain(number)
    return None


def _plain(match: re.Match[str]) -> str:
    whole = f"{match['whole']} " if match["whole"] else ""
    return _sign(match) + whole + _digits(match) + (match["below"] or "")


def _sign(match: re.Match[str]) -> str:
    return "-" if match["sign"] or match["sign2"] else ""


def _digits(match: re.Match[str]) -> str:
    """Return a number's figures, those of "2.5 million" as 2500000."""
    digits = match["digits"].replace(",", "")
    if not match["scale"]:
        return digits
    zeros = _SCALES[match["scale"].lower()]
    before, _, decimals = digits.partition(".")
    before += decimals[:zeros].ljust(zeros, "0")
    behind = decimals[zeros:].rstrip("0")
    return (before.lstrip("0") or "0") + (f".{behind}" if behind else "")


def _number_word(text: str, *, alone: bool) -> str | None:
    """Return the value of the first number written in words, e.g. "twenty-five"; or None."""
    words = re.findall(r"[a-z]+", text.lower())
    is_negative = words[:1] in (["minus"], ["negative"])
    total, current, seen = 0, 0, False
    for word in words[is_negative:]:
        if word in _WORD_VALUES:
            current += _WORD_VALUES[word]
        elif word in _SCALES and (seen or not alone):
            current = max(current, 1) * 10 ** _SCALES[word]
            if _SCALES[word] > 2 or current > 1_000_000:
                total, current = total + current, 0
        elif alone:
            return None
        elif seen and word != "and":
            break
        else:
            continue
        seen = True
    return ("-" if is_negative else "") + str(total + current) if seen else None


def number_value(text: str) -> Fraction | None:
    """Return the exact value of a number as `extract_number` writes it; None if it is not one.

    >>> number_value("3 1/2"), number_value("18.0") == number_value("18")
    (Fraction(7, 2), True)
    """
    match = _NUMBER.fullmatch(text.strip())
    if not match or len(text) > 1000:  # int() of thousands of digits is slow, then refused
        return None
    value = int(match["whole"] or 0) + Fraction(_digits(match)) / int((match["below"] or "/1")[1:])
    return -value if _sign(match) else value
