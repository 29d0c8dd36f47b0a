"""The exact value of a sum: numbers, + - * / and brackets."""

from fractions import Fraction


def evaluate(parts: list[str | Fraction]) -> Fraction | None:
    """Return the value of numbers and the signs + - * / ( ) in a row; None if they make no sum.

    >>> evaluate([Fraction(2), "*", "(", Fraction(3), "+", Fraction(4), ")"])
    Fraction(14, 1)
    """
    stack = parts[::-1]
    try:
        value = _sum(stack)
    except (ArithmeticError, LookupError, RecursionError, ValueError):
        return None
    return None if stack else value


def _sum(stack: list[str | Fraction]) -> Fraction:
    value = _product(stack)
    while stack and stack[-1] in ("+", "-"):
        sign = stack.pop()
        term = _product(stack)
        value = value + term if sign == "+" else value - term
    return value


def _product(stack: list[str | Fraction]) -> Fraction:
    value = _factor(stack)
    while stack and stack[-1] in ("*", "/"):
        sign = stack.pop()
        term = _factor(stack)
        value = value * term if sign == "*" else value / term
    return value


def _factor(stack: list[str | Fraction]) -> Fraction:
    part = stack.pop()
    if part == "-":
        return -_factor(stack)
    if part == "(":
        value = _sum(stack)
        if stack.pop() != ")":
            raise ValueError("a bracket is not closed")
        return value
    if isinstance(part, str):
        raise ValueError(f"a number was expected, got {part}")
    return part
