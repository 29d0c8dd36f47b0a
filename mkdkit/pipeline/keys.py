"""A stage's key: a hash of everything that could change its result.

The code counts too, so that a reader who edits a loss gets a new result and not the old one: a
function counts with its source and with that of all it uses inside the package; a constant it names
counts with its value, a module or class with its whole file. What counts is the code that runs: a
process that was started before the edit goes on with the old one, and makes the old key.
"""

import ast
import dis
import hashlib
import importlib.util
import inspect
import json
import logging
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import mkdkit

log = logging.getLogger("mkdkit")
LOOK_UPS = {"LOAD_GLOBAL", "LOAD_NAME"}  # the latter in a class within a function
NOT_IN_KEY = {"checkpoint_seconds"}  # how often work is saved never changes its result
DATA_ROOMS = {"mkdkit.records", "mkdkit.settings"}  # their values are in the key already


def make_key(
    name: str,
    settings: Mapping[str, Any],
    inputs: Sequence[str],
    files: Sequence[Path],
    function: Callable[..., Any],
) -> str:
    """Return the key of a stage: 16 hex digits of a hash over all that determines its result."""
    content = {
        "name": name,
        "settings": _plain(settings),
        "inputs": list(inputs),
        "files": [file_digest(path) for path in sorted(files)],
        "code": code_digest(function),
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Return settings without what changes no result; 1.0 and 1 are one value."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items() if name not in NOT_IN_KEY}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def file_digest(path: Path) -> str:
    """Return a digest of a file's content."""
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@cache
def _digest_of(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_digest(function: Callable[..., Any]) -> str:
    """Return a digest of a function's source and of all package code it reaches.

    Comments and docstrings do not count: saying it better is not doing it differently.
    """
    _warn_of_edits(_stamp())
    return _digest_of_code(inspect.unwrap(function))


def _stamp() -> tuple[tuple[str, int], ...]:
    """Return when each of the package's files was last changed; reading them all costs more."""
    files = sorted(Path(mkdkit.__file__).parent.rglob("*.py"))
    return tuple((str(path), path.stat().st_mtime_ns) for path in files)


# as this process has loaded it: a file that is edited later says what does not run
_LOADED = {name: Path(name).read_text(encoding="utf-8") for name, _ in _stamp()}


@cache
def _warn_of_edits(stamp: tuple[tuple[str, int], ...]) -> None:
    """Say once of every state of the package that it is not the one that runs."""
    for name, _ in stamp:
        if Path(name).read_text(encoding="utf-8") != _LOADED.get(name):
            log.warning("%s was edited, and the code from before runs on: restart the kernel", name)


def _source(value: ModuleType | FunctionType) -> str:
    """Return the source of what was loaded; `inspect.getsource` reads what is there now."""
    text = _LOADED[str(Path(inspect.getfile(value)))]
    if isinstance(value, ModuleType):
        return text
    lines = text.splitlines(keepends=True)[value.__code__.co_firstlineno - 1 :]
    return textwrap.dedent("".join(inspect.getblock(lines)))


@cache
def _digest_of_code(function: Callable[..., Any]) -> str:
    pieces: dict[str, str] = {}
    _collect(function, pieces)
    text = "\n".join(f"{name}\n{pieces[name]}" for name in sorted(pieces))
    return hashlib.sha256(text.encode()).hexdigest()


def _collect(value: Any, pieces: dict[str, str]) -> None:
    """Add the source of a function or module, and of what it uses, to `pieces`."""
    if isinstance(value, ModuleType):
        if value.__name__ in pieces or value.__name__ in DATA_ROOMS:
            return
        tree = ast.parse(_source(value))
        pieces[value.__name__] = _bare(tree)
        for module in _imported(tree):
            _collect(module, pieces)
    elif isinstance(value, FunctionType) and value.__module__.startswith(mkdkit.__name__):
        name = f"{value.__module__}:{value.__qualname__}"
        if name not in pieces:
            pieces[name] = _bare(ast.parse(_source(value)))
            for used in _names(value.__code__):
                if constant := _in_words(value.__globals__.get(used), pieces):
                    pieces[f"{value.__module__}:{used}"] = constant


def _in_words(value: Any, pieces: dict[str, str]) -> str:
    """Return a constant as text, "" if it is none; what code it holds is added to `pieces`."""
    if isinstance(value, bool | int | float | str | bytes):
        return repr(value)
    if isinstance(value, re.Pattern):
        return repr((value.pattern, value.flags))
    if isinstance(value, Mapping):
        return _in_words(list(value.items()), pieces)
    if isinstance(value, list | tuple | set | frozenset):
        words = [_in_words(one, pieces) for one in value]
        return repr(sorted(words) if isinstance(value, set | frozenset) else words)
    _collect_used(value, pieces)
    return ""


def _collect_used(value: Any, pieces: dict[str, str]) -> None:
    """A function counts alone, with what it uses; a class or a module counts with its file."""
    if isinstance(value, ModuleType):
        if value.__name__.startswith(mkdkit.__name__ + "."):
            _collect(value, pieces)
    elif isinstance(value, FunctionType):
        _collect(value, pieces)
    elif str(getattr(value, "__module__", "")).startswith(mkdkit.__name__ + "."):
        _collect(sys.modules[value.__module__], pieces)


def _names(code: CodeType) -> set[str]:
    """Return the names a function looks up in its module; those after a dot are none of them."""
    inner = [const for const in code.co_consts if isinstance(const, CodeType)]
    own = {one.argval for one in dis.get_instructions(code) if one.opname in LOOK_UPS}
    return own.union(*map(_names, inner))


def _imported(tree: ast.AST) -> Iterator[ModuleType]:
    """Yield the package's modules that a module imports, at its top or inside its functions."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith(mkdkit.__name__ + ".") and _is_module(name):
                # one that a function will import counts before it has been, too
                yield importlib.import_module(name)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a name in a module that is no package
        return False


def _bare(tree: ast.AST) -> str:
    """Return a tree without docstrings, as text."""
    for node in ast.walk(tree):
        match getattr(node, "body", None):
            case [ast.Expr(value=ast.Constant(value=str()) as docstring), *_]:
                docstring.value = ""
    return ast.dump(tree)
