"""The training monitor: a run's event file, followed while somebody writes it.

It reads what the run leaves in its stage's folder and nothing else. So it shows a training that
this kernel started, one that `mkdkit run` started in a terminal, or one that ended last week; and a
tab that was closed and is opened again shows all of it, from the first step.
"""

import asyncio
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

import matplotlib.pyplot as plt
from ipywidgets import HTML, Button, Image, VBox

from mkdkit import events
from mkdkit.show import canvas, figures

STOP = "stop at a checkpoint"
REFRESH = 1.0  # seconds between two looks at the file
QUIET = 30.0  # seconds without a step after which that is said
RECENT = 20  # steps that speed is the mean of


class Follows(Protocol):
    """What a started stage offers: which folder is being filled, and whether it is still at it."""

    def folder(self) -> Path | None: ...  # noqa: D102
    def is_running(self) -> bool: ...  # noqa: D102


class TrainingMonitor(VBox):
    """A figure, a line of numbers and a stop button, drawn anew as long as the run goes on."""

    def __init__(self, run: Path | Follows) -> None:
        self.run, self.asked = run, False
        self.heard: float | None = None  # when a request to stop was seen to be gone
        self.says, self.picture = HTML(), Image(format="png")
        self.stop = Button(
            description=STOP,
            tooltip="it can go on from there",
            layout={"width": "auto"},
        )
        self.stop.on_click(self._ask_to_stop)
        self.following: asyncio.Task[None] | None = None  # a task that nobody holds may be lost
        self._drawn: tuple[Path | None, int, bool] | None = None
        super().__init__([self.says, self.picture, self.stop])

    def refresh(self) -> bool:
        """Show what is there now; return whether there may be more to come."""
        folder = self.run if isinstance(self.run, Path) else self.run.folder()
        steps = events.read_steps(folder) if folder else []
        has_ended = self._has_ended(folder, len(steps))
        self.says.value = _state(folder, steps, has_ended)
        self.stop.disabled = has_ended or not steps or self.asked
        now = (folder, len(steps), has_ended)
        if steps and now != self._drawn:
            self.picture.value = _picture(steps)
            self._drawn = now
        return not has_ended

    def _has_ended(self, folder: Path | None, steps: int) -> bool:
        if not isinstance(self.run, Path):
            return not self.run.is_running()
        if self.asked and not events.is_asked_to_stop(self.run):
            self._wait_for_more(steps)
        is_quiet = self.heard is not None and time.time() - self.heard > QUIET
        return is_quiet or (self.run / events.DONE).is_file()

    def _wait_for_more(self, steps: int) -> None:
        """A request that is gone was heard, or forgotten by a run that has just been started."""
        if self.heard is None:
            self.heard, self.reached = time.time(), steps
        elif steps > self.reached:
            self.asked, self.heard = False, None
            self.stop.description = STOP

    def _ask_to_stop(self, _: object) -> None:
        folder = self.run if isinstance(self.run, Path) else self.run.folder()
        if folder is not None:
            events.ask_to_stop(folder)
            self.asked = True
        self.stop.disabled, self.stop.description = True, "stopping ..."

    async def follow(self) -> None:
        """Refresh until the run has ended, or its events cannot be read."""
        try:
            while self.refresh():
                await asyncio.sleep(REFRESH)
        except ValueError as error:
            self.says.value = f"<p>{escape(str(error))}</p>"

    def close(self) -> None:
        """Close the widget, and follow no more."""
        if self.following is not None:
            self.following.cancel()
        super().close()


def training_monitor(run: Path | Follows) -> TrainingMonitor:
    """Return a monitor of a training that has been started, by whomever.

    In a notebook it follows the run by itself, while no other cell is running; elsewhere each call
    of its `refresh` shows what is there.

    Args:
        run: what `stages.start` returned, or the folder of a `mentor` or `student` stage.

    Raises:
        ValueError: there is no such folder.
    """
    if isinstance(run, Path) and not run.is_dir():
        raise ValueError(f"{run}: no such folder; name the folder of a stage, under data/runs")
    monitor = TrainingMonitor(run)
    try:
        monitor.following = asyncio.get_running_loop().create_task(monitor.follow())
    except RuntimeError:  # no loop is running: not a notebook
        monitor.refresh()
    return monitor


def _picture(steps: Sequence[dict[str, Any]]) -> bytes:
    """PNG: the loss, the validation accuracies if there are any, and the learning rate."""
    losses = {"loss": [step["loss"] for step in steps]}
    validated = {s["number"]: s["validation"] for s in steps if s.get("validation") is not None}
    panels = 3 if validated else 2
    with plt.style.context(figures.STYLE):
        axes = canvas.start_row(panels, size=(3.1 * panels, 2.6))
        shown = {"validation": validated} if validated else None
        figures.plot_training(losses, validations=shown, axes=axes)
        for ax in axes[:-1]:
            ax.legend().remove()  # one run needs no name
        last = axes[-1]
        last.plot([s["number"] for s in steps], [s["learning_rate"] for s in steps])
        last.set(xlabel="optimiser step", ylabel="learning rate", xlim=(0, None), ylim=(0, None))
        return canvas.to_png(last)


def _state(folder: Path | None, steps: Sequence[dict[str, Any]], has_ended: bool) -> str:
    """One line: how far, how fast, how much memory, how long it will take."""
    name = folder.name if folder else "starting"
    if not steps:
        return f"<p><b>{name}</b>: {'ended without a step' if has_ended else 'no step yet'}</p>"
    last, recent = steps[-1], steps[-RECENT:]
    seconds = sum(step["seconds"] for step in recent) / len(recent)
    tokens = sum(step["scored_tokens"] for step in recent) / len(recent)
    total = last.get("steps")
    parts = [
        f"step {last['number']:,}{f' of {total:,}' if total else ''}",
        f"loss {last['loss']:.3f}",
        f"{tokens / seconds:,.0f} scored tokens/s" if seconds else "",
        f"peak {last['peak_gib']:.2f} GiB" if "peak_gib" in last else "",
    ]
    if has_ended:
        is_whole = total in (None, last["number"])
        parts.append("finished" if is_whole else "stopped; started again, it goes on")
    elif total:
        parts.append(f"about {seconds * (total - last['number']):,.0f} s to go")
        silent = time.time() - (folder / events.EVENTS).stat().st_mtime if folder else 0.0
        parts += [f"<b>no step for {silent:,.0f} s</b>"] if silent > QUIET else []
    return f"<p><b>{name}</b>: {'; '.join(part for part in parts if part)}</p>"
