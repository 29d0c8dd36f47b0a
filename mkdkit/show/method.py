"""The picture of the method, from the teacher's rationales to the student."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon

from mkdkit.show import canvas
from mkdkit.show.canvas import COLOR

INK = "#7d7d7d"  # reads on white and on near-black alike
EDGE = "#9a9a9a"


def plot_method() -> Axes:
    """The picture of Mentor-KD, on a transparent ground, legible on light and on dark pages."""
    ax = canvas.start(None, size=(9.6, 4.2))
    canvas.figure_of(ax).set_facecolor("none")
    ax.set(xlim=(0, 96), ylim=(0, 42), facecolor="none")
    ax.axis("off")
    top, bottom = 29, 9
    _box(ax, 8, top, "teacher", "a large model")
    _funnel(ax, 27, top)
    _sheets(ax, 38, top, "teacher")
    _box(ax, 56, top, "mentor", "mid-size, QLoRA")
    _funnel(ax, 75, top)
    _sheets(ax, 87, top, "mentor")
    _box(ax, 56, bottom, "student", "small")
    _arrow(ax, (15, top), (23.5, top), "1  writes rationales\nfor questions", at=(19.3, 36.5))
    _arrow(ax, (30.5, top), (32.5, top))
    _arrow(ax, (44.8, top), (49, top), "2  fine-tunes", at=(46, 36.5))
    _arrow(ax, (63, top), (71.5, top), "3  writes more,\nsame questions", at=(68, 36.5))
    _arrow(ax, (78.5, top), (81.5, top))
    _arrow(
        ax, (38, 24.5), (49, bottom), "4  rationales:\nthe words themselves", bend=0.35, at=(31, 11)
    )
    _arrow(ax, (56, 24.2), (56, 13.8), "5  soft labels:\nhow likely each word was", at=(67.5, 20.5))
    _arrow(ax, (87, 24.5), (63, bottom), "4  rationales", bend=-0.35, at=(86, 12))
    ax.text(24, 20, "keeps right ones,\nno copies", color=INK, ha="center", va="center", fontsize=9)
    loss = "student's loss  =  (1 − λ) · rationale loss  +  λ · soft-label loss"
    ax.text(56, 1.2, loss, color=INK, ha="center", va="center", fontsize=10)
    return ax


def _box(ax: Axes, x: float, y: float, role: str, note: str) -> None:
    shape = FancyBboxPatch(
        (x - 6, y - 4), 12, 8, boxstyle="round,pad=0.6", facecolor=COLOR[role], edgecolor=EDGE
    )
    ax.add_patch(shape)
    ax.text(x, y + 1.2, role, color="white", ha="center", va="center", fontsize=13, weight="bold")
    ax.text(x, y - 2.2, note, color="white", ha="center", va="center", fontsize=8.5)


def _funnel(ax: Axes, x: float, y: float) -> None:
    corners = [(x - 3, y + 5), (x + 3, y + 2.2), (x + 3, y - 2.2), (x - 3, y - 5)]
    ax.add_patch(Polygon(corners, facecolor=INK, edgecolor=EDGE))
    ax.text(x, y, "filter", color="white", ha="center", va="center", fontsize=9, weight="bold")


def _sheets(ax: Axes, x: float, y: float, role: str) -> None:
    for shift in (1.6, 0.8, 0.0):
        corner = (x - 5 + shift, y - 4 + shift)
        ax.add_patch(
            FancyBboxPatch(
                corner, 10, 7, boxstyle="square,pad=0", facecolor=COLOR[role], edgecolor="white"
            )
        )
    ax.text(
        x,
        y - 0.5,
        f"{role} set",
        color="white",
        ha="center",
        va="center",
        fontsize=9,
        weight="bold",
    )


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    text: str = "",
    *,
    at: tuple[float, float] = (0, 0),
    bend: float = 0.0,
) -> None:
    curve = f"arc3,rad={bend}"
    arrow = FancyArrowPatch(
        start, end, arrowstyle="-|>", mutation_scale=14, color=INK, linewidth=1.8,
        connectionstyle=curve, shrinkA=0, shrinkB=0,
    )  # fmt: skip
    ax.add_patch(arrow)
    ax.text(*at, text, color=INK, ha="center", va="center", fontsize=9)
