"""Tables of larger runs: read from `data/results`, drawn beside the reader's own run.

A table is a CSV file and, beside it, a JSON file of the same name that says how it was made.
"""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

import mkdkit
from mkdkit import strict_json, temporary
from mkdkit.pipeline import folders

RESULTS = Path(mkdkit.__file__).parents[1] / "data" / "results"
SMOKE = temporary.FOLDER / "smoke" / "results"  # what is no result


def read_table(name: str, *, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the rows of a committed table; numbers are numbers.

    Raises:
        ValueError: there is no such table.
    """
    path = folder / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.csv"))) or "none"
        raise ValueError(f"no table {name!r} in {folder}; there are: {known}")
    try:
        text = path.read_bytes().decode("utf-8-sig")  # read bit by bit, half a mark would pass
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        columns = next(lines, [])
        return [_row(columns, line, f"line {lines.line_num}") for line in lines if line]
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}: not a table: {error}") from error


def find_table(name: str, *, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the rows of a committed table; none where it has not been measured yet."""
    return read_table(name, folder=folder) if (folder / f"{name}.csv").is_file() else []


def read_rows(source: str) -> list[dict[str, Any]]:
    """Return the rows of a committed table, of a CSV file, or the arms of a report.json.

    Raises:
        ValueError: there is no such table or file, or the file is no table.
    """
    path = Path(source)
    if path.suffix == ".csv":
        return read_table(path.stem, folder=path.parent)
    if path.suffix != ".json":
        return read_table(source)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    arms = strict_json.read_object(path, {"arms": list})["arms"]
    if not all(isinstance(arm, dict) for arm in arms):
        raise ValueError(f"{path}: not the report of a run: it needs a list of arms")
    return arms


def _row(columns: list[str], line: list[str], where: str) -> dict[str, Any]:
    if len(line) != len(columns):
        raise ValueError(f"{where} has {len(line)} values for {len(columns)} columns")
    # a key of digits, or of digits about an e, is no number
    pairs = zip(columns, line, strict=True)
    return {name: value if name == "key" else _number(value) for name, value in pairs}


def _number(text: str) -> Any:
    try:
        return strict_json.parse(text)
    except ValueError:
        return text


def append_row(name: str, row: Mapping[str, Any], *, folder: Path = RESULTS) -> None:
    """Add one row to a table at once, so that a run that is stopped keeps what it has.

    Raises:
        ValueError: the table has other columns.
    """
    append_rows(name, [row], folder=folder)


def append_rows(name: str, rows: Sequence[Mapping[str, Any]], *, folder: Path = RESULTS) -> None:
    """Add rows that belong together, in one piece; all have the same columns.

    Raises:
        ValueError: the table has other columns.
    """
    columns = list(rows[0])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    # two processes may fill one table, of two users or machines: one of them writes the header
    with FileLock(folder / f".{name}.lock"):
        is_new = not path.is_file()
        if not is_new:
            _require_columns(path, columns)
            _end_last_row(path, len(columns))
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(map(dict, rows))
        with path.open("a", encoding="utf-8", newline="") as file:
            file.write(text.getvalue())


def _require_columns(path: Path, wanted: list[str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        columns = next(csv.reader(file), [])
    if columns != wanted:
        raise ValueError(f"{path} has the columns {columns}, not {wanted}; remove it to begin anew")


def _end_last_row(path: Path, columns: int) -> None:
    """Cut off a row that its writer was killed in; one that only lacks its end gets it."""
    before, _, last = path.read_bytes().rpartition(b"\n")
    if last:
        is_whole = len(next(csv.reader([last.decode("utf-8", "replace")]))) == columns
        with path.open("r+b") as file:
            file.truncate(len(before) + 1 + len(last) * is_whole)
            file.seek(0, os.SEEK_END)
            file.write(b"\n" * is_whole)


def write_provenance(
    name: str, command: str, settings: Mapping[str, Any], *, folder: Path = RESULTS
) -> None:
    """Write beside a table how it is made, on the machine that begins it; rows may follow later."""
    record = {
        "command": command,
        "settings": dict(settings),
        "recorded": datetime.now(UTC).isoformat(timespec="seconds"),
        **folders.machine(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
