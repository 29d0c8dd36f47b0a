"""JSON as it is meant, for every file the kit reads: what other readers let pass is an error here.

NaN and infinities, numbers too large to be finite, a key that stands twice in one object, half a
surrogate pair, nesting without end: each would go on as another value than was written, or fail
far from the file it came from.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def parse(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not JSON, or one of the above.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite
        )
        if "\\u" in text:  # half a surrogate pair can be written, and is no letter
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def read(path: str | Path) -> Any:
    """Return the value of a JSON file.

    Raises:
        ValueError: it is not UTF-8 or not JSON; the message names the file, and the line if known.
    """
    try:
        return parse(Path(path).read_bytes().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from error
    except ValueError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error


def read_object(path: str | Path, needed: Mapping[str, type | tuple[type, ...]]) -> dict[str, Any]:
    """Return the object of a JSON file that must have these keys, with values of these types.

    Raises:
        ValueError: it is not JSON, no object, or lacks one of them; the message names the file.
    """
    value = read(path)
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected an object, got a {type(value).__name__}")
    for name, kind in needed.items():
        found = value.get(name)
        if name not in value or not isinstance(found, kind) or isinstance(found, bool):
            raise ValueError(f"{path}: damaged: its {name!r} is {found!r:.40}")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r:.40} stands twice in one object")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text:.40} is too large for a number")
    return value
