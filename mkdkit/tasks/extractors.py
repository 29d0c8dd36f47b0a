"""One function per answer type: text -> the answer in it, or None.

`marked=True` says that the text stands right after an answer mark, so the first answer in it
counts; otherwise the text is a whole chain of thought, which ends in its answer, so the last one
does. "No answer" is None, never "" or the whole text. Every pattern here takes time linear in
the length of the text.
"""

import re
from collections.abc import Callable

from mkdkit.tasks import markup
from mkdkit.tasks.catalogue import AnswerType
from mkdkit.tasks.numbers import extract_number, last_number
from mkdkit.tasks.sentences import SENTENCE_END, before_reason, first_sentence


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
_SPELLED = r"(?<![\w-])[^\W\d_](?:[ ,-]{1,2}[^\W\d_]\b)+(?![\w-])"
_FILLERS = {"the", "a", "an", "is", "are", "of", "these", "this", "word", "string", "last"}
_FILLERS |= {"final", "letter", "letters", "result", "concatenated", "concatenation"}
_FILLERS |= {"concatenating", "combined", "combination", "combining", "joined", "joining"}
_FAREWELL = re.compile(r"\s*(?:let me know|feel free|i hope|hope (?:this|that))\b", re.IGNORECASE)
_SAYS = r"(?::|=|\bis|\bare|\bget|\bgives(?: us)?)"
_GROUPS = r"(?::|\bget|\bgives(?: us)?)\s+([^\W\d_]{1,3}(?: [^\W\d_]{1,3}){1,5})\W*$"


def extract_letters(text: str, *, marked: bool = False) -> str | None:
    """Return the word asked for, as written.

    After a mark: the first quoted word, letters set apart ("y a j c", "y-a-j-c") read as one
    word, else the word that a sentence ends in which leads up to it ("the concatenated string is
    yajc"), else the first word that is no filler ("the string yajc"). In a whole text: in the
    last sentence, the last quoted word of more than one letter, else the last word.

    >>> extract_letters('"yajc".', marked=True)
    'yajc'
    >>> extract_letters("Putting them together, we get: yajc")
    'yajc'
    """
    sentences = [part for part in SENTENCE_END.split(text) if re.search(r"\w", part)]
    if not sentences:
        return None
    if marked:  # "the string is:" announces the next line
        told = (part for part in sentences if not part.rstrip("* ").endswith(":"))
        return _first_letters(next(told, sentences[0]))
    spoken = [part for part in sentences if not _FAREWELL.match(part)] or sentences
    return _last_letters(spoken[-1])


def _first_letters(sentence: str) -> str | None:
    quoted = [_joined(word) for word in re.findall(_QUOTED, sentence)]
    spelled = re.findall(_SPELLED, sentence)
    if spelled and not (quoted and len(quoted[0]) > 1):
        return _joined(spelled[0])
    words = re.findall(r"[^\W_]+", sentence)
    told = re.search(rf"{_SAYS}\s+([^\W_]+)\W*$", sentence)
    if told and not quoted and words[0].lower() in _FILLERS:  # not "yajc, which is right"
        return told[1]
    kept = [word for word in words if word.lower() not in _FILLERS]
    return (quoted or kept or words[-1:] or [None])[0]


def _last_letters(sentence: str) -> str | None:
    groups = re.search(_GROUPS, sentence)  # "we get: ya jc" is yajc
    if groups:
        return _joined(groups[1])
    quoted = [_joined(word) for word in re.findall(_QUOTED, sentence)]
    spelled = re.findall(_SPELLED, sentence)
    long = [word for word in quoted if len(word) > 1]
    words = re.findall(r"[^\W_]+", sentence)
    return _joined(spelled[-1]) if spelled and not long else (long or words or [None])[-1]


def _joined(spelled: str) -> str:
    return re.sub(r"[ ,'-]", "", spelled)


_LEADS_TO = re.compile(r"[^0-9\n]*(?::\s*)?")  # not "5, as $2 + 3 = 5$", nor another line's formula


def extract_free_form(text: str, *, marked: bool = False) -> str | None:
    r"""Return a mathematical expression as written, without signs of bold print and of formulas.

    After a mark: the formula ($...$, $$...$$, \(...\) or \[...\]) that it leads to, with words
    in between but no figure; else the first line, up to the end of its sentence and without
    reasons. In a whole text: the last formula, else the last number.

    >>> extract_free_form(r"$\frac{1}{2}$.", marked=True)
    '\\frac{1}{2}'
    >>> extract_free_form("5, since 2 + 3 = 5.", marked=True)
    '5'
    """
    found = markup.formulas(text)
    if not marked:
        return found[-1][1] if found else last_number(text)
    if found and _LEADS_TO.fullmatch(text[: found[0][0]].lstrip()):
        return found[0][1]
    line = markup.without_bold(text).partition("\n")[0]
    sentence = re.split(r"\.(?=\s|$)", line, maxsplit=1)[0]  # "5! + 2" does not end at its "!"
    return markup.tidied(before_reason(sentence)) or markup.tidied(sentence)


def extract(text: str, answer_type: AnswerType, options: str = "", *, marked: bool) -> str | None:
    """Return the answer of this type in the text; see the function of the type for its rules.

    LaTeX is an expression's own writing; around a letter, a word or a number it is taken away.
    """
    text = text if answer_type == "free_form" else markup.plain(text)
    if answer_type == "choice":
        return extract_choice(text, options, marked=marked)
    return EXTRACTORS[answer_type](text, marked=marked)


EXTRACTORS: dict[str, Callable[..., str | None]] = {
    "number": extract_number,
    "yes_no": extract_yes_no,
    "letters": extract_letters,
    "free_form": extract_free_form,
}
