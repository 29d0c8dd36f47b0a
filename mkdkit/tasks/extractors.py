"""One function per answer type: text -> the answer in it, or None.

`marked=True` says that the text stands right after an answer mark, so the first answer in it
counts; otherwise the text is a whole chain of thought, which ends in its answer, so the last one
does. "No answer" is None, never "" or the whole text. Every pattern here takes time linear in
the length of the text.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from mkdkit.tasks.catalogue import AnswerType

# 1,250 or 12 or .5, then an optional /7; a minus is a sign only where no number stands before it
_MINUS = r"(?<![\w)%])(?<![\d)%] )[-\u2212]"
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_NUMBER = re.compile(
    rf"(?P<sign>{_MINUS}\s?)?[$\u20ac\u00a3]?(?P<sign2>(?<=[$\u20ac\u00a3])-)?"
    rf"(?:(?P<whole>[0-9]{{1,6}})[ -](?=[0-9]{{1,6}}/[1-9]))?"
    rf"(?P<digits>{_DIGITS})(?P<below>/[1-9][0-9]{{0,5}}(?![0-9/]|\.[0-9]))?"
)
_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
    *("seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORD_VALUES = {word: value for value, word in enumerate(_ONES)}
_WORD_VALUES |= {word: 10 * value for value, word in enumerate(_TENS, start=2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
_CONCLUSION = re.compile(r"\b(?:therefore|thus|hence|so)\b", re.IGNORECASE)
_SUM = re.compile(r"[0-9][0-9.,]{0,20}(?: ?[-+*/x\u00d7\u00f7] ?\$?[0-9][0-9.,]{0,20})+")
_ASIDE = re.compile(r"\([^()]*\)")
_LEAD_IN = re.compile(
    r"(?P<therefore>\W*(?:therefore|thus|hence|so|then|finally)\b,?)?"
    r"\W*(?:after|as|at|because|by|during|for|from|given|if|in|of|on|once|out of|since|to|when|"
    r"with)\b[^,=]*,(?![0-9])",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)|\n")


def first_sentence(text: str) -> str:
    """Return the text up to the end of its first sentence or line, without blanks around it."""
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0].strip()


def extract_number(text: str, *, marked: bool = False) -> str | None:
    """Return the answer's number as text, without thousands separators and currency signs.

    After a mark it is the result of an equation if there is one ("20-5=15" is 15), else the first
    number, else a number word ("five"). In a whole text it stands in the last sentence that has a
    number, outside of parentheses and of a lead-in like "if each box has 6,": behind the last
    "=", or first after a "therefore" or "so" ("so they have 9 sacks after 2 days" is 9), or it is
    the last number. Number words count there only if the text is nothing else, since "one" is
    mostly a pronoun.

    >>> extract_number("20-5=15", marked=True)
    '15'
    >>> extract_number("so she pays 1,250 dollars")
    '1250'
    >>> extract_number("I do not know") is None
    True
    """
    if not marked:
        return _last_number(text) or _number_word(text, alone=True)
    sentence = first_sentence(text)
    return _result(sentence) or _number_word(sentence, alone=False) or _result(text)


def _last_number(text: str) -> str | None:
    """Return the number a whole text ends in; the rule is that of `extract_number`."""
    sentences = [part for part in _SENTENCE_END.split(text) if _NUMBER.search(part)]
    if not sentences:
        return None
    sentence = _main_clause(sentences[-1])
    behind = _NUMBER.search(sentence.rpartition("=")[2]) if "=" in sentence else None
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

    "20-5=15" and "15=20-5" both give 15; "3 apples and 4 pears" gives 3.
    """
    left, equals, right = text.rpartition("=")
    sides = [_SUM.sub("", side) for side in (right, left)] if equals else []
    for side in [*sides, text]:
        number = _NUMBER.search(side)
        if number:
            return _plain(number)
    return None


def _plain(match: re.Match[str]) -> str:
    sign = "-" if match["sign"] or match["sign2"] else ""
    digits = match["digits"].replace(",", "")
    whole = f"{match['whole']} " if match["whole"] else ""
    return sign + whole + digits + (match["below"] or "")


def _number_word(text: str, *, alone: bool) -> str | None:
    """Return the value of the first number written in words, e.g. "twenty-five"; or None."""
    total, current, seen = 0, 0, False
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in _WORD_VALUES:
            current += _WORD_VALUES[word]
        elif word in _SCALES and (seen or not alone):
            current = max(current, 1) * _SCALES[word]
            if _SCALES[word] > 100 or current > 1_000_000:
                total, current = total + current, 0
        elif alone:
            return None
        elif seen and word != "and":
            break
        else:
            continue
        seen = True
    return str(total + current) if seen else None


def number_value(text: str) -> Fraction | None:
    """Return the exact value of a number as `extract_number` writes it; None if it is not one.

    >>> number_value("3 1/2"), number_value("18.0") == number_value("18")
    (Fraction(7, 2), True)
    """
    match = _NUMBER.fullmatch(text.strip())
    if not match or len(text) > 1000:  # int() of thousands of digits is slow, then refused
        return None
    digits, below = match["digits"].replace(",", ""), (match["below"] or "/1")[1:]
    value = int(match["whole"] or 0) + Fraction(digits) / int(below)
    return -value if match["sign"] or match["sign2"] else value


def extract_choice(text: str, options: str, *, marked: bool = False) -> str | None:
    """Return the option letter, capital, never the first letter of a word.

    After a mark: the letter alone or before other signs ("C", "(c)", "C. blue ball", "C blue
    ball"; not "A blue ball", where A is an article), else the first marked option ("the ball
    (C)", "option C"). In a whole text: the last marked option, "C)", "C." or a letter on its own.

    >>> extract_choice(" (C) blue ball.", "ABC", marked=True)
    'C'
    >>> extract_choice("April 2", "ABCDEF", marked=True) is None
    True
    """
    letters = f"[{options}]"
    named = r"\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer)(?: is)?:? "
    inside = rf"\(({letters})\)|{named}\(?({letters})\b(?!['\u2019])"
    if marked:
        either = f"[{options}{options.lower()}]"
        lone = re.match(rf"[\s(\[{{*\"'$:]*({either})(?!['\u2019]s)(?=[)\]}}*\"'$.,:;]|\s*$)", text)
        before_words = re.match(rf"\s*({letters}) (?!\S*['\u2019])", text)
        if lone:
            return lone[1].upper()
        if before_words and before_words[1] != "A":
            return before_words[1]
        found = re.search(inside, first_sentence(text)) or re.search(inside, text)
        return next(filter(None, found.groups())) if found else None
    line = rf"(?m:^[ \t*]*({letters})[ \t*]*$)"
    # "C." before a small letter or at the end of a line: "A. Smith" is a name
    dotted = rf"(?<![\w'.&-])(?<!\. )({letters})(?:\)|\.(?=[ \t]*(?:[a-z0-9\n]|$)))"
    last = rf"(?::|\bis|\bbe) ({letters})(?=\.?\s*$)"
    every = list(re.finditer(f"{inside}|{line}|{dotted}|{last}", text))
    return next(filter(None, every[-1].groups())) if every else None


def extract_yes_no(text: str, *, marked: bool = False) -> str | None:
    """Return "yes" or "no", found as whole words only.

    After a mark: the first word, else the first yes or no that ends a clause. In a whole text:
    the last one that ends a clause, since "no" before a noun ("there is no coin") answers nothing.

    >>> extract_yes_no("No, the coin is tails up.", marked=True)
    'no'
    >>> extract_yes_no("There is no evidence. So yes.")
    'yes'
    """
    if marked:
        start = re.match(r"\W*(yes|no)\b", text, re.IGNORECASE)
        if start:
            return start[1].lower()
    found = re.findall(r"(?i)\b(yes|no)\b(?=[*\"'\u201d)]*(?:[.,:;!?\n]|\s*$))", text)
    return (found[0] if marked else found[-1]).lower() if found else None


# a word in quotes or in bold, or small letters in quotes that some blanks or hyphens got into
_QUOTED = r"[\"\u201c*`]([^\W_]+|[a-z][a-z '-]{1,20}[a-z])[.,]?[\"\u201d*`]"
_FILLERS = {"the", "a", "an", "is", "word", "string", "letter", "letters", "result"}


_FAREWELL = re.compile(r"\s*(?:let me know|feel free|i hope|hope (?:this|that))\b", re.IGNORECASE)
_GROUPS = r"(?::|\bget|\bgives(?: us)?)\s+([^\W\d_]{1,3}(?: [^\W\d_]{1,3}){1,5})\W*$"


def extract_letters(text: str, *, marked: bool = False) -> str | None:
    """Return the word asked for, as written.

    After a mark: the first quoted word, letters set apart ("y a j c", "y-a-j-c") read as one
    word, else the first word that is no filler ("the string yajc"). In a whole text: in the last
    sentence, the last quoted word of more than one letter, else the last word.

    >>> extract_letters('"yajc".', marked=True)
    'yajc'
    >>> extract_letters("Putting them together, we get: yajc")
    'yajc'
    """
    sentences = [part for part in _SENTENCE_END.split(text) if re.search(r"\w", part)]
    if not sentences:
        return None
    spoken = [part for part in sentences if not _FAREWELL.match(part)] or sentences
    sentence = sentences[0] if marked else spoken[-1]
    quoted = [_joined(word) for word in re.findall(_QUOTED, sentence)]
    spelled = re.findall(r"(?<![\w-])[^\W\d_](?:[ ,-]{1,2}[^\W\d_]\b)+(?![\w-])", sentence)
    words = re.findall(r"[^\W_]+", sentence)
    groups = re.search(_GROUPS, sentence)  # "we get: ya jc" is yajc
    if groups and not marked:
        return _joined(groups[1])
    if not marked:
        long = [word for word in quoted if len(word) > 1]
        return _joined(spelled[-1]) if spelled and not long else (long or words or [None])[-1]
    if spelled and not (quoted and len(quoted[0]) > 1):
        return _joined(spelled[0])
    kept = [word for word in words if word.lower() not in _FILLERS]
    return (quoted or kept or words[-1:] or [None])[0]


def _joined(spelled: str) -> str:
    return re.sub(r"[ ,'-]", "", spelled)


def extract_free_form(text: str, *, marked: bool = False) -> str | None:
    r"""Return a mathematical expression as written, without dollar signs around it.

    After a mark: the first line. In a whole text: the last $...$, else the last number.

    >>> extract_free_form(r"$\frac{1}{2}$.", marked=True)
    '\\frac{1}{2}'
    """
    if not marked:
        inline = re.findall(r"\$([^$\n]+)\$", text)
        return inline[-1].strip() or None if inline else _last_number(text)
    line = text.strip().partition("\n")[0].strip().rstrip(".").strip()
    inline = re.match(r"\$+([^$]+)\$|\\\((.+?)\\\)", line)
    return (next(filter(None, inline.groups())) if inline else line).strip() or None


def extract(text: str, answer_type: AnswerType, options: str = "", *, marked: bool) -> str | None:
    """Return the answer of this type in the text; see the function of the type for its rules."""
    if answer_type == "choice":
        return extract_choice(text, options, marked=marked)
    return EXTRACTORS[answer_type](text, marked=marked)


EXTRACTORS: dict[str, Callable[..., str | None]] = {
    "number": extract_number,
    "yes_no": extract_yes_no,
    "letters": extract_letters,
    "free_form": extract_free_form,
}
