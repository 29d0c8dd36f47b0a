"""The planner: what a training takes of a GPU, and what a collection of rationales costs.

Turned before anything is chosen: it asks two functions for numbers and shows what they say. It
trains nothing, downloads nothing and knows no price.
"""

import asyncio
import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from ipywidgets import HTML, Checkbox, Dropdown, HBox, Image, IntText, SelectionSlider, Text, VBox

from mkdkit.show import canvas, cards, planning_figure

# keywords -> part -> bytes, or what is asked for -> number: `pipeline.sizing` has both
Memory = Callable[..., Mapping[str, int]]
Collection = Callable[..., Mapping[str, float | None]]

GIB = 2**30
PAUSE = 0.3  # seconds without a change after which a step is counted: a slider is on its way
METHODS = [("full", "full"), ("LoRA", "lora"), ("QLoRA", "qlora")]
TO_CHOOSE = (8, 12, 16, 24, 32, 40, 48, 80, 141)  # GiB of GPUs; the figure draws the usual ones
RANKS = (4, 8, 16, 32, 64, 128)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
LENGTHS = (64, 128, 256, 384, 512, 768, 1024, 2048)  # tokens
START = {"rank": 16, "batch_size": 8, "tokens": 512}  # the kit's own settings
WORDS = {"description_width": "13em"}
NAMED: dict[str, Any] = {"style": WORDS, "layout": {"width": "34em"}}
FIELD: dict[str, Any] = {"style": WORDS, "layout": {"width": "24em"}}
BESIDE_GIVEN = {"min_width": "26em"}
GRADIENTS = (
    "All that lives at one time, when most does. Gradients come as activations go, so only what "
    "they need beyond that room counts: the backward pass, on top."
)
BESIDE = "What the GPU's own libraries take comes on top."


class Planner(VBox):
    """Menus and sliders above a figure of memory, and fields for a collection.

    `parts` is what the figure shows, part -> bytes; `costs` what the last line says. Each is empty
    while a control asks for what cannot be.
    """

    parts: Mapping[str, int]
    costs: Mapping[str, float | None]

    def __init__(
        self, memory: Memory, collection: Collection, sizes: Sequence[str], size: str
    ) -> None:
        self.memory, self.collection = memory, collection
        self.parts, self.costs = {}, {}
        self.counted: dict[tuple[Any, ...], Mapping[str, int]] = {}
        self.counting: asyncio.Task[None] | None = None  # a task that nobody holds may be lost
        self.alone = threading.RLock()  # a lab may hear controls in a thread of their own
        self.size = Dropdown(options=[*sizes], value=size, description="model size", **NAMED)
        self.method = Dropdown(options=METHODS, value="qlora", description="method", **NAMED)
        self.rank = _slider(RANKS, START["rank"], "rank of LoRA")
        self.batch_size = _slider(BATCHES, START["batch_size"], "batch size, rows")
        self.tokens = _slider(LENGTHS, START["tokens"], "longest row, tokens")
        sizes_of_gpus = [(f"{gpu} GiB", gpu) for gpu in TO_CHOOSE]
        self.gpu = Dropdown(options=sizes_of_gpus, value=16, description="GPU", **NAMED)
        self.fits, self.table = HTML(), HTML()
        own_size = {"align_self": "flex-start", "max_width": "100%"}  # a box would stretch it
        self.picture = Image(format="png", layout=own_size)
        self._make_fields()
        chosen = [self.size, self.method, self.rank, self.batch_size, self.tokens]
        for control in chosen:
            control.observe(self._change, "value")
        self.gpu.observe(self._draw, "value")
        super().__init__(
            [
                HTML("<b>Training on one GPU</b>"),
                *chosen,
                self.gpu,
                self.fits,
                self.picture,
                self.table,
                HTML("<b>Asking a teacher</b>"),
                HBox([VBox(self.asked, layout=BESIDE_GIVEN), VBox(self.given)]),
                self.says,
            ]
        )
        self._change()
        self._estimate()

    def _make_fields(self) -> None:
        """Make the fields of a collection; one that is empty is not given."""
        self.questions = IntText(1000, description="questions", **FIELD)
        self.rationales = IntText(3, description="rationales per question", **FIELD)
        self.prompt = IntText(150, description="tokens of a prompt", **FIELD)
        self.completion = IntText(250, description="tokens of a rationale", **FIELD)
        together = "all rationales of a question in one request"
        self.together = Checkbox(False, description=together, indent=False)
        self.price_in = _optional("price of 10⁶ tokens sent")
        self.price_out = _optional("price of 10⁶ written")
        self.requests = _optional("requests a minute")
        self.rate = _optional("tokens a minute")
        self.says = HTML()
        self.asked = [self.questions, self.rationales, self.prompt, self.completion, self.together]
        self.given = [self.price_in, self.price_out, self.requests, self.rate]
        for field in (*self.asked, *self.given):
            field.observe(self._estimate, "value")

    def _chosen(self) -> dict[str, Any]:
        names = ("size", "method", "rank", "batch_size", "tokens")
        return {name: getattr(self, name).value for name in names}

    def _in_words(self) -> str:
        """What is chosen; a slider's handle has no name that a screen reader could say."""
        rank = "" if self.rank.disabled else f" of rank {self.rank.value}"
        rows = f"{self.batch_size.value} rows of {self.tokens.value:,} tokens"
        return f"{escape(str(self.size.value))}, {self.method.label}{rank}, {rows}:"

    def _change(self, _: object = None) -> None:
        """Show what is held at once, and a step as soon as it is counted."""
        if self.counting is not None:
            self.counting.cancel()
        with self.alone:
            self.rank.disabled = self.method.value == "full"
            chosen = self._chosen()
            if tuple(chosen.values()) in self.counted:
                self._count()
                return
            self._show(lambda: self.memory(**chosen, with_step=False))
        try:
            self.counting = asyncio.get_running_loop().create_task(self._count_soon())
        except RuntimeError:  # no loop is running: not a notebook
            self._count()

    async def _count_soon(self) -> None:
        """Count beside the page, which hears its controls meanwhile, and show it at the end."""
        await asyncio.sleep(PAUSE)
        with suppress(ValueError):  # shown with the rest
            await asyncio.to_thread(self._counted, self._chosen())
        self._count()

    def _count(self) -> None:
        with self.alone:
            chosen = self._chosen()
            self._show(lambda: self._counted(chosen))

    def _counted(self, chosen: dict[str, Any]) -> Mapping[str, int]:
        key = tuple(chosen.values())
        if key not in self.counted:
            self.counted[key] = self.memory(**chosen)
        return self.counted[key]

    def _show(self, count: Callable[[], Mapping[str, int]]) -> None:
        try:
            self.parts = count()
        except ValueError as error:
            self.parts, self.picture.value, self.table.value = {}, b"", ""
            self.fits.value = _sentence(escape(str(error)))
            return
        self._draw()

    def _draw(self, _: object = None) -> None:
        if not self.parts:
            return
        amounts = {part: size / GIB for part, size in self.parts.items()}
        is_whole = tuple(self._chosen().values()) in self.counted
        gpu, method = float(self.gpu.value or 0), str(self.method.label)
        verdict = _verdict(sum(amounts.values()), gpu, is_whole)
        self.fits.value = _sentence(f"{self._in_words()} {verdict}")
        self.picture.value = _picture({method: amounts}, gpu)
        row = {"GiB": method} | amounts | {"together": sum(amounts.values())}
        self.table.value = f"{cards.table([row], digits=3).data}<p>{GRADIENTS}</p>"

    def _estimate(self, _: object = None) -> None:
        """Say what the fields come to; of a field that cannot be read, say what it needs."""
        try:
            self.costs = self.collection(
                self.questions.value,
                rationales=self.rationales.value,
                prompt_tokens=self.prompt.value,
                completion_tokens=self.completion.value,
                in_one_request=self.together.value,
                prices=self._prices(),
                requests_a_minute=_number(self.requests),
                tokens_a_minute=_number(self.rate),
            )
        except ValueError as error:
            self.costs, self.says.value = {}, _sentence(escape(str(error)))
            return
        self.says.value = _sentence(_bill(self.costs))

    def _prices(self) -> tuple[float, float] | None:
        sent, written = _number(self.price_in), _number(self.price_out)
        if (sent is None) != (written is None):
            raise ValueError("a price needs both its fields, got one; write 0 for what is free")
        return None if sent is None or written is None else (sent, written)


def planner(
    memory: Memory, collection: Collection, *, sizes: Sequence[str], size: str | None = None
) -> Planner:
    """Return menus and sliders for a training's memory, and fields for a collection's cost.

    What is held between steps shows at once; a step is counted as soon as no control has moved for
    a moment, beside the page, which takes about a second. The keyboard turns all of it.

    Args:
        memory: keywords size, method, rank, batch_size, tokens, with_step -> part -> bytes, such
            as `pipeline.sizing.memory`; a step's parts are left out unless with_step.
        collection: such as `pipeline.sizing.collection`.
        sizes: of models, to choose from.
        size: the one that is chosen at first; None: the first.

    Raises:
        ValueError: there are no sizes, or the one to begin with is none of them.
    """
    if not sizes:
        raise ValueError("a planner needs sizes to choose from, got none; pass sizing.SIZES")
    if size is not None and size not in sizes:
        raise ValueError(f"size must be one of {', '.join(sizes)}, got {size!r}; choose one")
    return Planner(memory, collection, sizes, size or sizes[0])


def _slider(options: Sequence[int], value: int, description: str) -> SelectionSlider:
    labels = [(f"{option:,}", option) for option in options]
    return SelectionSlider(
        options=labels, value=value, description=description, continuous_update=False, **NAMED
    )


def _optional(description: str) -> Text:
    return Text(description=description, placeholder="not given", **FIELD)


def _number(field: Text) -> float | None:
    """The number in a field, None if it is empty; thousands may have commas.

    Raises:
        ValueError: it holds no number.
    """
    text = field.value.strip()
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):  # 1,000 but not 2,5
        text = text.replace(",", "")
    try:
        number = float(text) if text else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        rule = f"{field.description} must be a number such as 2.5"
        raise ValueError(f"{rule}, got {field.value!r}; write one, or nothing if it is not known")
    return number


def _sentence(text: str) -> str:
    return f'<p role="status" {cards.NO_MATH}>{text}</p>'  # read aloud when it changes


def _verdict(taken: float, gpu: float, is_whole: bool) -> str:
    """Whether so much fits, in words."""
    amount = f"{taken:{',.0f' if taken >= 1000 else '.3g'}} of {gpu:g} GiB"
    if taken > gpu:
        more = "" if is_whole else " before a step has begun"
        return f"<b>does not fit: {amount}</b>{more}. {BESIDE}"
    if not is_whole:
        return f"<b>{amount}</b> are held between steps; counting a step ..."
    return f"<b>fits: {amount}</b>. {BESIDE}"


def _picture(parts: Mapping[str, Mapping[str, float]], gpu: float) -> bytes:
    """PNG: the bar of what is chosen, and the lines of the GPUs."""
    with plt.style.context(canvas.STYLE):
        return canvas.to_png(planning_figure.plot_memory_on_gpus(parts, chosen=gpu))


def _bill(costs: Mapping[str, float | None]) -> str:
    """Tokens, cost and time, in words."""
    cost, minutes = costs["cost"], costs["minutes"]
    parts = [
        f"<b>{costs['requests']:,.0f} requests</b>",
        f"{costs['tokens sent']:,.0f} tokens sent and {costs['tokens written']:,.0f} written",
        "cost unknown: give both prices" if cost is None
        else f"<b>cost {_money(cost)}</b>, in the currency of the prices",
        "time unknown: give a limit" if minutes is None
        else f"<b>time {_time(minutes)}</b> at the limits given, if replies are no slower",
    ]  # fmt: skip
    return "; ".join(parts) + "."


def _money(cost: float) -> str:
    return f"{cost:,.2f}" if cost >= 1 else f"{cost:.3g}"


def _time(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes:,.0f} minutes"
    return f"{minutes / 60:,.1f} hours"
