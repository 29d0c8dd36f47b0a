"""Accuracy over any column of a results table: every row hollow, the mean of several filled."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import offset_copy

from mkdkit.show import canvas
from mkdkit.show import points as grouping
from mkdkit.show.points import Point, Row, StudentT, Wilson, is_number, label

MARKERS = "os^Dvp*h"  # 8 shapes and 6 colours: 24 values before two look the same
AXIS = 370  # length of the horizontal axis in points, about
SLANTED = 64  # characters of names that have room beside one another under the axis
Look = tuple[str, str]  # colour, shape


def plot_rows(
    rows: Sequence[Row],
    *,
    x: str,
    color: str | None = None,
    wilson: Wilson | None = None,
    student_t: StudentT | None = None,
    marked: Row | None = None,
    among: Sequence[Row] | None = None,
    is_full_scale: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy (%) of rows over one column, in the colours of another.

    Every row is hollow, the mean of several filled, a 95% interval a broad bar; the axes' labels
    say which interval, and what could not be drawn. Points are joined if x is a setting with
    numbers and nothing else differs along the line. Several colours stand side by side.

    Args:
        rows: as for `points.points`, such as those of `ablations.run` or `results.read_table`.
        x: a column of numbers or names.
        color: another column; None: all in one colour.
        wilson: of one row; `statistics.wilson_interval`.
        student_t: of a mean over seeds; `statistics.mean_interval`.
        marked: a row with a circle around it.
        among: the rows of which these are a choice: names and colours are those they have there.
        is_full_scale: from 0 to 100%; False: no further than rows and intervals reach.
        ax: where to draw; a new figure if None.

    Raises:
        ValueError: there is no such column, no row to draw, or there are too many values.
    """
    shown = grouping.points(rows, x=x, color=color, wilson=wilson, student_t=student_t)
    among = rows if among is None else among
    names, places = grouping.short_labels(among, x), _places(shown, among, x)
    groups = {key: list(group) for key, group in itertools.groupby(shown, lambda p: label(p.color))}
    looks, notes = _looks(among, color, [*groups]), _notes(rows, shown, x, color)
    texts = [] if _is_scale(shown) else [_plain(names[name]) for name in places]
    ax = canvas.start(ax, size=(6.8, _height(texts, len(notes), len(groups) if color else 0)))
    is_log = _is_log(shown)
    step = min(9.0, 0.7 * AXIS * _nearest(places, shown, is_log) / len(groups))
    for number, (key, group) in enumerate(groups.items()):
        by = step * (number - (len(groups) - 1) / 2)
        shift = offset_copy(ax.transData, canvas.figure_of(ax), x=by, units="points")
        is_joined = _is_joined(group, x, color)
        _draw(ax, group, places, looks[key], is_joined, {"transform": shift}, marked)
    if color:
        titles = grouping.short_labels(among, color)
        _add_legend(ax, color, {titles[key]: looks[key] for key in groups})
    ax.set_xlabel("\n".join([_plain(x) + (" (log scale)" if is_log else ""), *notes]))
    ax.set_ylabel(_accuracy(shown))
    _set_limits(ax, shown, places, is_log, is_full_scale)
    if texts:
        _write_names(ax, places, texts)
    return ax


def _is_scale(shown: Sequence[Point]) -> bool:
    return all(is_number(point.x) for point in shown)


def _is_log(shown: Sequence[Point]) -> bool:
    """Whether numbers go over two powers of ten or more, as learning rates do."""
    values = [point.x for point in shown]
    return _is_scale(shown) and 0 < 100 * min(values) <= max(values)


def _places(shown: Sequence[Point], among: Sequence[Row], x: str) -> dict[str, float]:
    """Where each x stands: numbers at themselves, names one after the other."""
    drawn = {label(point.x): point.x for point in shown}
    if _is_scale(shown):
        return {name: float(value) for name, value in drawn.items()}
    in_order = [name for name in grouping.labels_of(among, x) if name in drawn]
    return {name: float(place) for place, name in enumerate(in_order)}


def _nearest(places: Mapping[str, float], shown: Sequence[Point], is_log: bool) -> float:
    """The smallest step between two neighbours, as a share of the axis."""
    if not _is_scale(shown):
        return 1 / len(places)
    ends = sorted(math.log(at) if is_log else at for at in places.values())
    steps = [b - a for a, b in itertools.pairwise(ends)]
    return min(steps) / (ends[-1] - ends[0]) if steps else 1.0


def _looks(among: Sequence[Row], color: str | None, drawn: list[str]) -> dict[str, Look]:
    """The colour and shape of each value; a role has its own colour, and so has its shape."""
    if color is None:
        return dict.fromkeys(drawn, (canvas.COLOR["student"], MARKERS[0]))
    names = grouping.labels_of(among, color)
    # those that have a colour of their own do not count: the others' colours do not count them
    number, shapes = 0, []
    for name in names:
        shapes.append(MARKERS[number % len(MARKERS)])
        number += name not in canvas.COLOR
    return dict(zip(names, zip(canvas.colors(names), shapes, strict=True), strict=True))


def _is_joined(group: Sequence[Point], x: str, color: str | None) -> bool:
    is_setting = x not in grouping.MEASURED and x.split(".")[-1] != "seed"
    rows = [row for point in group for row in point.rows]
    return is_setting and _is_scale(group) and not grouping.differing(rows, (x, color))


def _draw(
    ax: Axes,
    group: Sequence[Point],
    places: Mapping[str, float],
    look: Look,
    is_joined: bool,
    shift: dict[str, Any],
    marked: Row | None,
) -> None:
    color, shape = look
    at = {id(point): places[label(point.x)] for point in group}
    means = [point for point in group if len(point.rows) > 1]
    if is_joined:
        line = {"color": color, "linewidth": 1, "alpha": 0.8, "gid": "line"}
        ax.plot([*at.values()], [point.mean for point in group], **line, **shift)
    if sure := [point for point in group if point.interval is not None]:
        low, high = zip(*(point.interval for point in sure if point.interval), strict=True)
        widths = [10 if len(point.rows) > 1 else 5 for point in sure]  # seen behind the rows
        bar: dict[str, Any] = {"linewidths": widths, "alpha": 0.3, "gid": "intervals"}
        ax.vlines([at[id(point)] for point in sure], low, high, color=color, **bar, **shift)
    rows = [(at[id(point)], row["accuracy"]) for point in group for row in point.rows]
    hollow = {"fillstyle": "none", "markersize": 5, "linestyle": "", "gid": "rows"}
    ax.plot(*zip(*rows, strict=True), shape, color=color, **hollow, **shift)
    if means:
        filled = {"markersize": 7, "markeredgecolor": "white", "linestyle": "", "gid": "means"}
        places_of_means = [at[id(point)] for point in means]
        heights = [point.mean for point in means]
        ax.plot(places_of_means, heights, shape, color=color, zorder=3, **filled, **shift)
    here = [at[id(point)] for point in group if any(row is marked for row in point.rows)]
    if marked is not None and here:
        ring = {"markersize": 13, "fillstyle": "none", "gid": "marked", "zorder": 4}
        ax.plot(here, [marked["accuracy"]], "o", color="black", **ring, **shift)


def _add_legend(ax: Axes, title: str, looks: Mapping[str, Look]) -> None:
    marks = [Line2D([], [], color=color, marker=shape, ls="") for color, shape in looks.values()]
    columns = 2 if max(map(len, looks)) > 18 else 3
    ax.legend(
        marks,
        [_plain(name) for name in looks],
        title=_plain(title),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )


def _is_slanted(texts: Sequence[str]) -> bool:
    return len(texts) * max(map(len, texts)) > SLANTED


def _height(texts: Sequence[str], notes: int, colors: int) -> float:
    """The figure's height (inches) that leaves the marks as much room as ever."""
    names = 0.2 + 0.038 * max(map(len, texts)) if texts and _is_slanted(texts) else 0.2
    return 3.4 + names + 0.17 * notes + 0.17 * math.ceil(colors / 2)


def _set_limits(
    ax: Axes, shown: Sequence[Point], places: Mapping[str, float], is_log: bool, is_full: bool
) -> None:
    """Set both axes; marks that stand side by side are no longer measured by themselves."""
    if is_log:
        ax.set_xscale("log")
    ax.margins(x=0.08)
    ends = [
        (places[label(point.x)], height)
        for point in shown
        for height in (*(row["accuracy"] for row in point.rows), *(point.interval or ()))
    ]
    ax.update_datalim(ends)
    ax.autoscale_view()
    if is_full:
        ax.set_ylim(-2, 102)  # room for a mark at either end
    if not is_log and all(at.is_integer() for at in places.values()):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _write_names(ax: Axes, places: Mapping[str, float], texts: Sequence[str]) -> None:
    turned: dict[str, Any] = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    look = turned if _is_slanted(texts) else {}
    ax.set_xticks([*places.values()], texts, fontsize=8, **look)
    ax.set_xlim(-0.6, len(places) - 0.4)
    ax.grid(axis="x", visible=False)


def _notes(rows: Sequence[Row], shown: Sequence[Point], x: str, color: str | None) -> list[str]:
    """What a reader must know of the marks, a line each."""
    has_means = any(len(point.rows) > 1 for point in shown)
    notes = ["hollow: one row; filled: mean of several" if has_means else "each mark: one row"]
    mixed = dict.fromkeys(what for point in shown for what in point.mixed)
    notes += [f"no interval for means over {', '.join(mixed)}"] if mixed else []
    missing = grouping.left_out(rows, x=x, color=color)
    notes += [f"not drawn: {count:,} with {why}" for why, count in missing.items()]
    return [_plain(note) for note in notes]


def _accuracy(shown: Sequence[Point]) -> str:
    """What the axis measures, and which intervals are drawn."""
    asked = {row.get("n") for point in shown for row in point.rows}
    (n,) = asked if len(asked) == 1 else (None,)
    drawn = {len(point.rows) > 1 for point in shown if point.interval is not None}
    kinds = {False: "Wilson (one row)", True: "Student's t (mean over seeds)"}
    bars = ",\n".join(kinds[of_mean] for of_mean in sorted(drawn))
    unit = f"accuracy (% of {n:,} questions)" if is_number(n) else "accuracy (%)"
    return unit + (f"\nbars, 95%: {bars}" if bars else "")


def _plain(text: str) -> str:
    """A text with nothing that is read as a formula, or that a legend leaves out."""
    plain = text.replace("$", r"\$")
    return f" {plain}" if plain.startswith("_") else plain
