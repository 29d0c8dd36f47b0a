r"""LaTeX and bold print around an answer: what they mean in plain text, and where formulas stand.

Every pattern here takes time linear in the length of the text: none of them reads on beyond a
sign that opens the same thing again.
"""

import re

_BOLD = re.compile(r"(?<![\w)*])\*\*([^*\n]+)\*\*(?![\w(*])")  # not the powers of 2**3**4
_STYLED = re.compile(r"\\(?:text[a-z]*|math[a-z]+|operatorname|emph)\s?\{([^{}]*)\}")
_NESTED = 3  # \textbf{\text{...}} is as deep as models go
# 1{,}250 and 1,\!250 and 1\,250
_SEPARATOR = re.compile(r"(?<=[0-9])(?:\{,\}|,\\!|\\,)(?=[0-9]{3})")
_PART = r"\s?(?:\{([^{}]*)\}|([0-9]))"  # \frac{3}{4} or \frac34
_FRACTION = re.compile(rf"(?P<whole>(?<=[0-9]))?\\[dtc]?frac{_PART}{_PART}")

_IN_DOLLARS = r"(?:[^$\\]|\\.)"  # \$ is a sign of money
_IN_BRACKETS = r"(?:[^\\]|\\[^()\[\]])"
_FORMULA = re.compile(
    rf"\$\$({_IN_DOLLARS}+)\$\$"
    # as Pandoc has it: in "between $3 and $5" and "$3-$5" dollars are money
    rf"|(?<![\\$])\$(?![\s$])({_IN_DOLLARS}+)(?<!\s)\$(?![0-9])"
    rf"|(?<![\\$])\$\s({_IN_DOLLARS}+)(?<=\s)\$"
    rf"|\\\(({_IN_BRACKETS}+)\\\)"
    rf"|\\\[({_IN_BRACKETS}+)\\\]",
    re.DOTALL,
)
_SUBSTANCE = re.compile(r"[^\s.,;:!?*${}()\[\]\\]")


def plain(text: str) -> str:
    r"""Return text in which LaTeX that letters and numbers are wrapped in is written plainly.

    >>> plain(r"\text{(A)}, 1{,}250, 2\frac{1}{2}")
    '(A), 1,250, 2 1/2'
    """
    if "\\" not in text and "{,}" not in text:
        return text
    text = _SEPARATOR.sub(",", text).replace("\\$", "$").replace("\\%", "%")
    for _ in range(_NESTED):
        text = _STYLED.sub(r"\1", text)
    return _FRACTION.sub(_fraction, text)


def _fraction(match: re.Match[str]) -> str:
    _, *parts = match.groups()
    above, below = (part.strip() for part in parts if part is not None)
    blank = " " if match["whole"] is not None else ""  # 2\frac{1}{2} is 2 1/2 and not 21/2
    return f"{blank}{above}/{below}"


def without_bold(text: str) -> str:
    """Return text without the stars of bold print; those of powers and products stay.

    >>> without_bold("**5**"), without_bold("2**3")
    ('5', '2**3')
    """
    return _BOLD.sub(r"\1", text).strip().strip("*").strip()


def formulas(text: str) -> list[tuple[int, str]]:
    r"""Return (where it begins, what is in it) of every $...$, $$...$$, \(...\) and \[...\].

    >>> formulas(r"so $x$ is \[\frac{1}{2}.\]")
    [(3, 'x'), (10, '\\frac{1}{2}')]
    """
    found = []
    for match in _FORMULA.finditer(text):
        inside = tidied(next(filter(None, match.groups())))
        if inside:
            found.append((match.start(), inside))
    return found


def tidied(text: str) -> str | None:
    """Return an expression without what surrounds it; None if signs alone are left."""
    text = text.strip().strip("$").strip()
    for opening, closing in (("\\[", "\\]"), ("\\(", "\\)")):
        text = text.removeprefix(opening).removesuffix(closing).strip()
    text = text.rstrip(".,;:").strip()
    return text if _SUBSTANCE.search(text) else None
