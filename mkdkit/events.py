"""What a stage leaves in its folder while it works, for whoever watches: events, and a way to stop.

One event is one line of JSON, written at once. Light, so that a widget that watches needs no model.
"""

import json
from pathlib import Path
from typing import Any

from mkdkit import json_lines, strict_json

EVENTS, DONE, STOP = "events.jsonl", "done.json", "stop"  # in a stage's folder


def append(folder: Path, **fields: Any) -> None:
    """Append one event, so that others can follow it at once.

    A line that a killed run left half written is cut off first: it was never an event.
    """
    with (folder / EVENTS).open("ab+") as file:
        json_lines.cut_half_line(file)
        file.write(json.dumps(fields).encode() + b"\n")


def read(folder: Path) -> list[dict[str, Any]]:
    """Return the events so far, in order; a line that is half written comes next time."""
    path = folder / EVENTS
    if not path.is_file():
        return []
    whole = path.read_bytes().rpartition(b"\n")[0]
    lines = enumerate(whole.split(b"\n"), start=1)
    return [_event(line, f"{path}, line {number}") for number, line in lines if line]


def _event(line: bytes, where: str) -> dict[str, Any]:
    try:
        event = strict_json.parse(line.decode())
    except ValueError as error:
        raise ValueError(f"{where}: damaged: {error}") from error
    if not isinstance(event, dict) or ("loss" in event and type(event.get("number")) is not int):
        raise ValueError(f"{where}: damaged: no event of a stage")
    return event


def read_steps(folder: Path) -> list[dict[str, Any]]:
    """Return a training's optimiser steps, in order; [] of a stage that trains nothing.

    Of steps done again after a kill, the last counts.
    """
    by_number = {event["number"]: event for event in read(folder) if "loss" in event}
    return [step for _, step in sorted(by_number.items())]


def ask_to_stop(folder: Path) -> None:
    """Ask whoever trains in a folder to stop after the step that is being taken."""
    (folder / STOP).touch()


def is_asked_to_stop(folder: Path) -> bool:
    """Whether somebody asked, and was not heard yet."""
    return (folder / STOP).exists()


def forget_stop(folder: Path) -> None:
    """Take the request back, or away when it was heard or came too late."""
    (folder / STOP).unlink(missing_ok=True)
