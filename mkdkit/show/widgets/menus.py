"""What several widgets do with a menu: fill it without being told, and name a question in it."""

from collections.abc import Callable, Sequence
from typing import Any

from ipywidgets import Dropdown

from mkdkit.records import Question

WIDE = {"width": "36em"}
LABEL = 60  # characters of a question


def fill(menu: Dropdown, options: Sequence[tuple[str, Any]], heard: Callable[..., None]) -> None:
    """Put options into a menu and choose the first, or nothing if there is none.

    A menu tells its observers of every step on the way; who fills it looks once, afterwards.

    Args:
        menu: filled anew.
        options: (what is read, its value).
        heard: the observer of the menu's value, deaf meanwhile.
    """
    menu.unobserve(heard, "value")
    menu.options = list(options)
    menu.index = 0 if options else None  # a menu that was empty selects nothing by itself
    menu.observe(heard, "value")


def title_of(question: Question) -> str:
    """What a menu calls a question: its id and how it begins."""
    return f"{question.id}: {question.text[:LABEL]}"
