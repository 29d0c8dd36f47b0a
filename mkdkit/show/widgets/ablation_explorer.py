"""The ablation explorer: any results table over any of its columns, and the cell behind each point.

It shows rows that are there; it computes no cell.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from ipywidgets import HTML, Checkbox, Dropdown, HBox, Image, SelectMultiple, VBox

from mkdkit.show import canvas, cards, exploring, points
from mkdkit.show.points import Point, Row, StudentT, Wilson, label

EVERY, NOTHING = "all", "nothing"
WIDE = {"width": "60em", "max_width": "100%"}
SEVERAL = "arms, seeds: several by Ctrl + click, or by Ctrl + arrow keys and Ctrl + Space"
LIST = {"width": "19em"}
UNSTRETCHED = {"align_self": "flex-start", "max_width": "100%"}
SCROLLED = "max-height:20em;overflow:auto"
FIRST_X = ("arm", "task")  # where nothing that was set in numbers varies
FIRST_COLOR = ("arm", "task")


class AblationExplorer(VBox):
    """Menus above a figure, a table of its points and the card of one of them.

    `chosen` holds the rows that are drawn, `shown` the one on the card.
    """

    chosen: list[Row]
    shown: Row | None

    def __init__(
        self,
        rows: Sequence[Row],
        *,
        x: str,
        color: str | None,
        wilson: Wilson | None,
        student_t: StudentT | None,
    ) -> None:
        self.rows = [dict(row) for row in rows]  # what a later cell does to its rows is not ours
        self.intervals = {"wilson": wilson and cache(wilson), "student_t": student_t}
        self.names = {
            name: points.short_labels(self.rows, name) for name in points.columns_of(rows)
        }
        varying = points.axes_of(self.rows)
        self.x = Dropdown(options=varying, value=x, description="x axis")
        self.color = Dropdown(options=[NOTHING, *varying], description="colour")
        self.color.value = color or NOTHING
        self.task = Dropdown(options=[EVERY, *points.labels_of(self.rows, "task")])
        self.task.description = "task"
        if "task" not in (x, color) and len(self.task.options) > 1:
            self.task.index = 1  # a mean over tasks says little
        self.arms, self.seeds = self._several("arm"), self._several("seed")
        self.zoom = Checkbox(description="only the part of the axis that is needed", indent=False)
        self.point = Dropdown(description="point", layout=WIDE)
        self.says, self.picture = HTML(), Image(format="png", layout=UNSTRETCHED)
        self.table, self.card = HTML(), HTML()
        left = VBox([self.x, self.color, self.task, self.zoom])
        menus = HBox([left, self.arms, self.seeds], layout={"flex_flow": "row wrap"})
        several = HTML(f"<p><i>{SEVERAL}</i></p>")  # JupyterLab takes Shift + arrow keys for cells
        super().__init__(
            [menus, several, self.says, self.picture, self.table, self.point, self.card]
        )
        for menu in (self.x, self.color, self.task, self.arms, self.seeds):
            menu.observe(self._choose, "value")
        for control in (self.point, self.zoom):
            control.observe(self._look, "value")
        self._choose()

    def _several(self, column: str) -> SelectMultiple:
        names = points.labels_of(self.rows, column)
        options = [(self.names[column][name], name) for name in names]
        look = {"rows": min(8, max(3, len(names))), "layout": LIST}
        return SelectMultiple(options=options, value=names, description=f"{column}s", **look)

    def _fits(self, row: Row) -> bool:
        is_asked = self.task.value in (EVERY, label(row.get("task")))
        lists = {"arm": self.arms, "seed": self.seeds}
        return is_asked and all(
            label(row[column]) in menu.value for column, menu in lists.items() if column in row
        )

    def _axes(self) -> dict[str, Any]:
        color = self.color.value
        return {"x": self.x.value, "color": None if color in (NOTHING, self.x.value) else color}

    def _choose(self, _: object = None) -> None:
        """Find the rows that the menus leave, and group them; or say why nothing is drawn."""
        self.found = [row for row in self.rows if self._fits(row)]
        try:
            drawn = points.points(self.found, **self._axes(), **self.intervals)
            self.says.value = self._count()
        except ValueError as error:  # the figure's own rule, such as too many colours
            drawn, why = [], str(error) if self.found else "No row fits what is chosen above."
            self.says.value = f"<p>{escape(why)}</p>"
        self.chosen = [row for point in drawn for row in point.rows]
        self.table.value = self._tables(drawn)
        self._fill_points()
        self._look()

    def _count(self) -> str:
        missing = points.left_out(self.found, **self._axes())
        drawn = len(self.found) - sum(missing.values())
        said = [f"{drawn:,} of {len(self.rows):,} rows are drawn"]
        said += [f"{count:,} with {why} are not" for why, count in missing.items()]
        if self.x.value == self.color.value:
            said.append("in one colour, which would else repeat the x axis")
        return f"<p>{escape('; '.join(said))}.</p>"

    def _fill_points(self) -> None:
        """List the rows that are drawn; the one that was shown stays so if it is among them."""
        before = getattr(self, "shown", None)
        self.point.unobserve(self._look, "value")  # or filling the menu would draw once more
        places = range(len(self.chosen))
        self.point.options = [(self._title(self.chosen[place]), place) for place in places]
        kept = [place for place in places if self.chosen[place] is before]
        self.point.index = kept[0] if kept else 0 if self.chosen else None
        self.point.observe(self._look, "value")

    def _title(self, row: Row) -> str:
        parts = [f"{name} {value}" for name, value in self._place(row).items()]
        return f"{', '.join(parts)}: {row['accuracy']:.1f}%, key {label(row.get('key', '–'))}"

    def _place(self, row: Row) -> dict[str, str]:
        """Where a row stands: its x and colour, and what the lists choose by, as in the figure."""
        columns = dict.fromkeys([*self._axes().values(), "task", "arm", "seed"])
        return {name: self.names[name][label(row[name])] for name in columns if name in row}

    def _tables(self, drawn: Sequence[Point]) -> str:
        """The rows that are drawn, the means, and in full what is cut in the figure."""
        if not drawn:
            return ""
        rows = [
            {**self._place(row), "accuracy (%)": row["accuracy"], "n": row.get("n")}
            | {"key": label(row.get("key"))}
            for row in self.chosen
        ]
        means = [
            {**self._ends(point), "rows": len(point.rows), "mean (%)": point.mean}
            | {"95% interval": point.interval or f"none: {', '.join(point.mixed) or 'not asked'}"}
            for point in drawn
            if len(point.rows) > 1
        ]
        cut = [
            {"column": column, "written as": short, "in full": name}
            for column in {*self._axes().values()} - {None}
            for name, short in self.names[column].items()
            if name != short
        ]
        folds = {"the means": means, "names that are cut, in full": cut}
        folded = [_folded(title, some) for title, some in folds.items() if some]
        return _scrolled("points shown", rows) + "".join(folded)

    def _ends(self, point: Point) -> dict[str, str]:
        axes = {name: value for name, value in self._axes().items() if value is not None}
        values = {"x": point.x, "color": point.color}
        return {column: self.names[column][label(values[end])] for end, column in axes.items()}

    def _look(self, _: object = None) -> None:
        """Draw, with a circle around the chosen point, and show everything its row holds."""
        place = self.point.value
        self.shown = None if place is None else self.chosen[place]
        self.picture.layout.display = "none" if self.shown is None else ""
        self.card.value = "" if self.shown is None else _card(self.shown)
        if self.shown is not None:
            self.picture.value = self._picture()

    def _picture(self) -> bytes:
        look = {"marked": self.shown, "among": self.rows, "is_full_scale": not self.zoom.value}
        with plt.style.context([canvas.STYLE, {"savefig.bbox": "standard"}]):  # faster
            return canvas.to_png(
                exploring.plot_rows(self.found, **self._axes(), **self.intervals, **look)
            )


def ablation_explorer(
    rows: Sequence[Row],
    *,
    x: str | None = None,
    color: str | None = None,
    wilson: Wilson | None = None,
    student_t: StudentT | None = None,
) -> AblationExplorer:
    """Return menus for axes, task, arms and seeds over a figure of rows and the cells behind it.

    Args:
        rows: such as those of `ablations.run` or `results.read_table`, with `accuracy` in percent.
        x: the column to begin with; None: a setting with numbers, if one varies.
        color: the same; None: the arm or the task, if it varies.
        wilson: interval of one row without its own; `statistics.wilson_interval`.
        student_t: interval of a mean over seeds; `statistics.mean_interval`.

    Raises:
        ValueError: nothing varies, no row has an accuracy, or `x` or `color` does not vary.
    """
    offered = points.axes_of(rows)
    has_accuracy = any(points.is_number(row.get("accuracy")) for row in rows)
    if not (offered and has_accuracy):
        rule = "an explorer needs rows with an accuracy in percent and a column that varies"
        got = f"{len(rows)} rows with the columns {', '.join(points.columns_of(rows)) or 'of none'}"
        raise ValueError(f"{rule}, got {got}; pass the rows of several cells")
    for name in (x, color):
        if name is not None and name not in offered:
            rule = f"an axis or colour must be a column that varies: {', '.join(offered)}"
            raise ValueError(f"{rule}; got {name!r}")
    x = x or _first_x(rows, offered)
    color = color or next((name for name in FIRST_COLOR if name in offered and name != x), None)
    return AblationExplorer(rows, x=x, color=color, wilson=wilson, student_t=student_t)


def _first_x(rows: Sequence[Row], offered: Sequence[str]) -> str:
    """A setting with numbers, or else what rows are mostly compared by."""
    numbers = [
        name
        for name in offered
        if name not in points.MEASURED
        and name.split(".")[-1] != "seed"
        and all(points.is_number(row[name]) for row in rows if name in row)
    ]
    return next(name for name in (*numbers, *FIRST_X, *offered) if name in offered)


def _card(row: Mapping[str, Any]) -> str:
    """Everything a row holds, nothing rounded."""
    held = [{"column": name, "value": _said(value)} for name, value in row.items()]
    return str(cards.table(held, caption="the cell that made this point").data)


def _said(value: Any) -> Any:
    return value if value is None or isinstance(value, tuple | list) else str(value)


def _scrolled(caption: str, rows: Sequence[Mapping[str, Any]]) -> str:
    table = cards.table(rows).data  # a heading of its own, since a caption would scroll away
    return f'<p><b>{escape(caption)}</b></p><div style="{SCROLLED}" tabindex="0">{table}</div>'


def _folded(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    return f"<details><summary>{escape(title)}</summary>{cards.table(rows).data}</details>"
