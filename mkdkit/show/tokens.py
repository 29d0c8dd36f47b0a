"""What models expect next, to be seen: quantities along a text, and the card of one token."""

from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from mkdkit.next_tokens import NextTokens
from mkdkit.show.canvas import COLOR, role_of
from mkdkit.show.cards import CARD, LINE, NO_MATH

DARKEST = 0.75  # opacity of the largest value: more would hide the text
ABOVE, BELOW = "217,95,2", "94,60,153"  # colours of values above and below zero
BAR = 12.0  # width of a bar that stands for certainty, in em
IN_TOOLTIP = 3  # tokens of each model
CELL = "padding:.2em .8em;text-align:left;vertical-align:middle"
REST = "all other tokens"


def quantities(view: NextTokens) -> dict[str, np.ndarray]:
    """What a text can be coloured by: name -> (temperatures, tokens), in nats.

    The entropy of every model, the divergence of each from the first, and, if there are two such,
    by how much that of the last is below that of the one before: what was learnt in between. The
    last model, usually the student, comes first.
    """
    first, *others = view.models
    found = {f"KL({first} ‖ {name})": view.divergences[name] for name in reversed(others)}
    if len(others) > 1:
        before, after = others[-2:]
        gain = view.divergences[before] - view.divergences[after]
        found[f"KL of {before} minus KL of {after}"] = gain
    return found | {f"entropy of {name}": view.entropies[name] for name in view.models}


def shades(values: Sequence[float]) -> list[str]:
    """A CSS colour for each value: the further from zero the darker, purple if it is below."""
    largest = max((abs(value) for value in values), default=0.0) or 1.0
    return [
        f"rgba({BELOW if value < 0 else ABOVE},{DARKEST * abs(value) / largest:.3f})"
        for value in values
    ]


def visible(token: str) -> str:
    """A token with its white space to be seen."""
    return token.replace(" ", "␣").replace("\n", "↵") or "(nothing)"


def shown_in_text(token: str) -> str:
    """A token as part of a text: blanks stay, what would not be seen at all is ↵ or ∅."""
    return token.replace("\n", "↵") or "∅"


def tooltip(view: NextTokens, place: int, temperature: float) -> str:
    """What the models expect at one token, one line each: "mentor: 7 80%, 1 15%"."""
    heat = view.temperatures.index(temperature)
    lines = []
    for name, found in view.probabilities.items():
        shares = zip(view.likeliest[place], found[heat, place], strict=True)
        best = sorted(shares, key=lambda pair: -pair[1])[:IN_TOOLTIP]
        said = ", ".join(f"{visible(token)} {share:.0%}" for token, share in best)
        lines.append(f"{name}: {said}")
    return "\n".join(lines)


def next_token_card(view: NextTokens, place: int, temperature: float = 1.0) -> HTML:
    """What each model expects at one token of the text, as bars; the last row is all the rest.

    Args:
        view: what the models were found to expect.
        place: number of the token, from 0; what stands there is marked ►.
        temperature: one of the view's.

    Raises:
        ValueError: the view has no such token or temperature.
    """
    if not 0 <= place < len(view.tokens):
        raise ValueError(f"the text has tokens 0 to {len(view.tokens) - 1}, got {place}")
    if temperature not in view.temperatures:
        raise ValueError(f"temperature must be one of {view.temperatures}, got {temperature}")
    heat = view.temperatures.index(temperature)
    models = {name: found[heat, place] for name, found in view.probabilities.items()}
    names = [*view.likeliest[place], None]
    head = "".join(f'<th style="{CELL}" align="left">{escape(name)}</th>' for name in models)
    cell, stands = f'<td style="{CELL};white-space:pre" align="left">', view.tokens[place]
    rows = "".join(
        f"<tr>{cell}<code>{_label(name, stands)}</code></td>"
        f"{''.join(_bar(role, _share(found, row)) for role, found in models.items())}</tr>"
        for row, name in enumerate(names)
    )
    style = "border-collapse:collapse;width:auto"
    table = (
        f'<table style="{style}"><thead style="border-bottom:{LINE}"><tr><th align="left"'
        f' style="{CELL}">next token</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )
    return HTML(f'<div {NO_MATH} style="{CARD};max-width:none">{_said(view, place)}{table}</div>')


def _said(view: NextTokens, place: int) -> str:
    before = "".join(view.tokens[max(0, place - 12) : place]).replace("\n", "↵")
    stands = escape(visible(view.tokens[place]))
    return f"<p>… {escape(before)} <b>►</b> <code>{stands}</code></p>"


def _label(name: str | None, stands: str) -> str:
    if name is None:
        return REST
    return escape(f"► {visible(name)}" if name == stands else visible(name))


def _share(found: np.ndarray, row: int) -> float:
    return float(found[row]) if row < len(found) else max(0.0, 1.0 - float(found.sum()))


def _bar(name: str, share: float) -> str:
    color = COLOR[role_of(name)]
    look = f"display:inline-block;height:.7em;width:{BAR * share:.2f}em;background:{color}"
    cell = f'<td style="{CELL};min-width:{BAR + 4}em" align="left">'
    return f'{cell}<span style="{look}"></span> {share:.1%}</td>'
