"""Cards: questions, rationales, filters and tables as small pieces of HTML or Markdown.

They say the same without their colours, since some readers of a notebook drop all styling: what is
marked is also written, and what folds is plain <details>. Text from data or models is escaped.
"""

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Protocol

from IPython.display import HTML, Markdown

from mkdkit.filters import Filtered
from mkdkit.records import Question, Rationale
from mkdkit.show import tables
from mkdkit.show.canvas import COLOR, role_of
from mkdkit.show.points import columns_of
from mkdkit.tasks.steps import first_parting, split_steps

# half-transparent greys: seen on white and on near-black alike
LINE = "1px solid rgba(128,128,128,.45)"
CARD = f"border:{LINE};border-radius:6px;padding:.6em .9em;margin:.3em 0;max-width:52em"
MARKED = "background:rgba(217,95,2,.28);color:inherit"
FRAMED = f"border:{LINE};border-radius:4px;padding:0 .35em"
NO_MATH = 'class="tex2jax_ignore mathjax_ignore"'  # "$5 and $3" is money, not a formula
PARTED = "≠"  # before the step at which several rationales part
BAR = 30  # characters of a bar that stands for all
CELL = "padding:.25em .8em;vertical-align:top;white-space:normal"


Span = tuple[int, int]  # (first character, the one after the last)


class Marked(Protocol):
    """A span of a text with something to say about it, such as a slip found by a process check."""

    @property
    def start(self) -> int: ...  # noqa: D102
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


def source(obj: Any) -> Markdown:
    """Show a function's or class's source as a code block: read here, kept in the package."""
    home = inspect.getmodule(obj)
    where = f"# {home.__name__.replace('.', '/')}.py\n" if home else ""
    return Markdown(f"```python\n{where}{textwrap.dedent(inspect.getsource(obj))}```")


def exercise(text: str, solution: str) -> Markdown:
    """An exercise with its solution folded away; both are Markdown."""
    folded = f"<details><summary>Solution</summary>\n\n{solution.strip()}\n\n</details>"
    return Markdown(f"**Exercise.** {text.strip()}\n\n{folded}")


def provenance(done: Mapping[str, Any]) -> Markdown:
    """One line that says what made a stage's result, from its `done.json`."""
    versions = done.get("versions", {})
    parts = [
        f"stage `{done['stage']}`, key `{done['key']}`",
        f"{done['seconds']:,.1f} s" if "seconds" in done else "",
        f"peak {done['peak_gib']:.2f} GiB" if "peak_gib" in done else "",
        f"on {done['device']}" if "device" in done else "",
        ", ".join(f"{name} {versions[name]}" for name in ("mkdkit", "torch") if name in versions),
        str(done.get("finished", ""))[:10],
    ]
    return Markdown("*Made by: " + "; ".join(part for part in parts if part) + ".*")


def table(
    rows: Sequence[Mapping[str, Any]], *, caption: str | None = None, digits: int = 1
) -> HTML:
    """A small table, one mapping a row; columns in the order in which keys first appear.

    Args:
        rows: column -> value. Numbers stand right, with `digits` decimals if they are not whole;
            None is a dash, a truth value yes or no, a pair of numbers an interval.
        caption: what the table shows, above it.
        digits: decimals.
    """
    columns, right = columns_of(rows), tables.right_columns(rows)

    def escaped(row: Mapping[str, Any], column: str) -> str:
        return escape(tables.text_of(row.get(column), digits))

    head = "".join(_cell(escape(str(c)), "th", c in right) for c in columns)
    body = "".join(
        f"<tr>{''.join(_cell(escaped(row, c), 'td', c in right) for c in columns)}</tr>"
        for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return HTML(_table(title, f"<tr>{head}</tr>", body))


def _table(title: str, head: str, body: str) -> str:
    style = "border-collapse:collapse;width:auto;table-layout:auto;margin:.3em 0"
    head = f'<thead style="border-bottom:{LINE}">{head}</thead>'
    return f'<table {NO_MATH} style="{style}">{title}{head}<tbody>{body}</tbody></table>'


def _cell(content: str, tag: str, is_number: bool) -> str:
    side = "right" if is_number else "left"  # said twice: some readers drop style, others align
    return f'<{tag} style="{CELL};text-align:{side}" align="{side}">{content}</{tag}>'


def rationale_card(
    question: Question,
    rationale: Rationale,
    *,
    slips: Sequence[Marked] = (),
    holding: Sequence[Span] = (),
    verdict: str | None = None,
) -> HTML:
    """One rationale step by step under its question, its slips marked, its prediction judged.

    Args:
        question: what was asked.
        rationale: what was written; a step is a line or a sentence.
        slips: spans of `rationale.text` with a reason, from `tasks.checks.find_slips`.
        holding: equations that hold, from `tasks.checks.find_holding`; each gets a ✓.
        verdict: what a filter did with it: "kept", or the reason it was dropped for.
    """
    _require_same(question, rationale)
    kept = "" if verdict is None else f"<p><b>Filter</b> {escape(verdict)}</p>"
    body = _rationale(rationale, slips, holding)
    return HTML(f'<div {NO_MATH} style="{CARD}">{_asked(question)}{body}{kept}</div>')


def side_by_side(
    question: Question,
    rationales: Sequence[Rationale],
    *,
    names: Sequence[str] | None = None,
    slips: Sequence[Sequence[Marked]] | None = None,
    is_judged: bool = True,
) -> HTML:
    """Several rationales for one question in columns, and the first step at which they part.

    Args:
        question: what was asked.
        rationales: in the order of the columns.
        names: of the columns, such as arms; None: the rationales' sources.
        slips: of each rationale, spans of its text with a reason; None: nothing is marked.
        is_judged: show the answer and who is right; False where nobody knows it.

    Raises:
        ValueError: a rationale answers another question, or there are not as many names or lists
            of slips as rationales.
    """
    for rationale in rationales:
        _require_same(question, rationale)
    names = names if names is not None else [one.source for one in rationales]
    slips = slips if slips is not None else [()] * len(rationales)
    parted = first_parting([one.text for one in rationales])
    cells = [
        f'<td style="{CELL};text-align:left;max-width:26em">'
        f"{_rationale(one, marks, name=name, parted=parted, is_judged=is_judged)}</td>"
        for one, name, marks in zip(rationales, names, slips, strict=True)
    ]
    style = "border-collapse:collapse;width:auto;table-layout:auto"
    said = ""
    if parted is not None:
        said = f"the first step that does not end alike is step {parted + 1}, marked {PARTED}"
    elif sum(len(split_steps(one.text)) > 1 for one in rationales) > 1:
        said = "all steps end alike"
    return HTML(
        f'<div {NO_MATH} style="{CARD};max-width:none">{_asked(question, is_judged)}'
        f'<table style="{style}"><tbody><tr>{"".join(cells)}</tr></tbody></table>'
        f"{f'<p><i>{said}</i></p>' if said else ''}</div>"
    )


def _require_same(question: Question, rationale: Rationale) -> None:
    if rationale.question_id != question.id:
        rule = "a card shows a question with its own rationales"
        ids = f"question {question.id!r} and a rationale for {rationale.question_id!r}"
        raise ValueError(f"{rule}, got {ids}; look the question up by rationale.question_id")


def _asked(question: Question, is_answered: bool = True) -> str:
    text = escape(question.text).replace("\n", "<br>")
    answer = f"<br><b>Answer</b> {escape(question.answer)}" if is_answered else ""
    return f"<p><b>Question</b> {text}{answer}</p>"


def _rationale(
    rationale: Rationale,
    slips: Sequence[Marked] = (),
    holding: Sequence[Span] = (),
    *,
    name: str | None = None,
    parted: int | None = None,
    is_judged: bool = True,
) -> str:
    name, text = name or rationale.source, rationale.text
    color = COLOR[role_of(name)]
    head = f'<b style="border-bottom:3px solid {color}">{escape(name)}</b>'
    steps = [_mark(text, *step, slips, holding) for step in split_steps(text)]
    if parted is not None and 1 < len(steps) > parted:
        steps[parted] = f"<b>{PARTED}</b> {steps[parted]}"
    listed = "".join(f"<li>{step}</li>" for step in steps)
    cut = "" if rationale.is_complete else "<p><i>cut off at the length limit</i></p>"
    said = _judged(rationale, is_judged)
    return f"<p>{head}</p><ol>{listed}</ol>{cut}<p><b>Prediction</b> {said}</p>"


def _judged(rationale: Rationale, is_judged: bool) -> str:
    if rationale.prediction is None:
        return "none found" + (": ✗ counts as wrong" if is_judged else "")
    said = f'<b style="{FRAMED}">{escape(rationale.prediction)}</b>'
    verdict = "✓ right" if rationale.is_correct else "✗ wrong"
    return f"{said} {verdict}" if is_judged else said


def _mark(text: str, start: int, end: int, slips: Sequence[Marked], holding: Sequence[Span]) -> str:
    """The piece text[start:end], escaped, with the slips that touch it marked; reasons written."""
    here = [slip for slip in slips if slip.start < end and slip.end > start]
    holds = {stop for _, stop in holding if start < stop <= end}
    cuts = {start, end} | {min(max(p, start), end) for s in here for p in (s.start, s.end)} | holds
    html = ""
    for a, b in zip(sorted(cuts), sorted(cuts)[1:], strict=False):
        piece = escape(text[a:b])
        is_marked = any(slip.start <= a and b <= slip.end for slip in here)
        html += f'<mark style="{MARKED}">{piece}</mark>' if is_marked else piece
        html += " <i>✓</i>" if b in holds else ""
    # a slip over two steps is explained once, where it ends
    why = [escape(slip.reason) for slip in here if slip.end <= end]
    return html + "".join(f" <i>(slip: {reason})</i>" for reason in why)


def filter_card(
    filtered: Filtered, questions: Mapping[str, Question] | None = None, *, examples: int = 1
) -> HTML:
    """How many rationales were kept or dropped for each reason, with examples to unfold.

    Args:
        filtered: what the filters returned.
        questions: id -> question, to show above each example; None: the rationales alone.
        examples: rationales shown for each reason.
    """
    counts = filtered.counts()
    total = max(sum(counts.values()), 1)
    rows = [
        {"outcome": outcome, "rationales": n, "share (%)": 100 * n / total}
        | {"": "█" * round(BAR * n / total)}
        for outcome, n in counts.items()
    ]
    shown = "".join(
        _example(reason, rationale, questions or {})
        for reason, dropped in filtered.dropped.items()
        for rationale in dropped[:examples]
    )
    return HTML(f"{table(rows).data}{shown}")


def _example(reason: str, rationale: Rationale, questions: Mapping[str, Question]) -> str:
    question = questions.get(rationale.question_id)
    asked = _asked(question) if question else f"<p>{escape(rationale.question_id)}</p>"
    body = f'<div {NO_MATH} style="{CARD}">{asked}{_rationale(rationale)}</div>'
    return f"<details><summary>dropped: {escape(reason)}</summary>{body}</details>"
