"""The rooms and their rules: imports point down, light rooms stay light, no foreign code runs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mkdkit"
FILES = sorted(PACKAGE.rglob("*.py"))
ORDER = ["tasks", "filters", "models", "teachers", "training", "evaluation", "pipeline"]
ORDER += ["commands", "export_commands", "figure_commands", "__main__"]
LAYER = {"strict_json": -2, "sequences": -2, "json_lines": -1} | {
    **dict.fromkeys(("records", "settings", "events", "next_tokens", "progress", "temporary"), 0),
    **{room: 1 + i for i, room in enumerate(ORDER)},
}
SHOW_MAY_IMPORT = {"records", "settings", "events", "next_tokens", "temporary"}
SHOW_MAY_IMPORT |= {"tasks", "filters", "show"}
MOST_LINES = 300


def name_of(path: Path) -> str:
    parts = [PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, home: str) -> Iterator[str]:
    """Full names of all that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join([*home.split(".")[: -node.level], *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def wrong_imports(code: str, home: str) -> list[str]:
    """What a module of the room that `home` is in may not import."""
    room, wrong = home.split(".")[1], []
    for name in imported(ast.parse(code), home):
        parts = name.split(".")
        if parts[0] != "mkdkit" or len(parts) < 2 or parts[1] in ("__version__", room):
            continue
        if room == "show":
            is_allowed = parts[1] in SHOW_MAY_IMPORT
        elif parts[1] == "show":
            is_allowed = room in ORDER[-4:]
        else:
            is_allowed = LAYER[parts[1]] < LAYER[room]
        if not is_allowed:
            wrong.append(name)
    return wrong


def test_imports_point_down():
    assert len(FILES) > 20, "the package was not found: this would pass by testing nothing"
    for path in FILES:
        if path != PACKAGE / "__init__.py":
            assert wrong_imports(path.read_text(encoding="utf-8"), name_of(path)) == [], path


@pytest.mark.parametrize(
    ("home", "code"),
    [
        ("mkdkit.tasks.answers", "from mkdkit import filters"),
        ("mkdkit.tasks.answers", "def f():\n    import mkdkit.models.loading"),
        ("mkdkit.tasks.answers", "from ..training import loop"),
        ("mkdkit.records", "from mkdkit import settings"),
        ("mkdkit.show.cards", "from mkdkit.evaluation import statistics"),
        ("mkdkit.pipeline.stages.data", "from mkdkit.show import figures"),
    ],
)
def test_an_import_that_points_up_is_found(home, code):
    assert len(wrong_imports(code, home)) == 1


@pytest.mark.parametrize(
    ("home", "code"),
    [
        ("mkdkit.filters", "from mkdkit.tasks import answers"),
        ("mkdkit.tasks.answers", "from mkdkit.tasks import catalogue"),
        ("mkdkit.pipeline.stages.data", "from ..folders import Stage"),
        ("mkdkit.show.cards", "from mkdkit import filters"),
        ("mkdkit.__main__", "from mkdkit.show import figures"),
    ],
)
def test_an_import_that_points_down_is_not(home, code):
    assert wrong_imports(code, home) == []


def light_modules() -> list[str]:
    rooms = [PACKAGE / name for name in ("__init__.py", "records.py", "settings.py", "filters.py")]
    rooms += sorted((PACKAGE / "tasks").glob("*.py")) + sorted((PACKAGE / "show").rglob("*.py"))
    rooms += [PACKAGE / "teachers" / name for name in ("recorded.py", "scripted.py")]
    return [name_of(path) for path in rooms]


def test_light_rooms_import_neither_torch_nor_transformers():
    program = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    heavy = {"torch", "transformers"} & set(sys.modules)
    if heavy:
        sys.exit(f"importing {name} imports {heavy}")
"""
    command = [sys.executable, "-c", program, *light_modules()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_can_be_held_in_the_head():
    lengths = {str(p): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}


def test_no_room_is_called_utils():
    assert [path for path in FILES if path.stem in ("utils", "util", "helpers", "common")] == []


def dangers(code: str) -> list[str]:
    """What would run code from a file or the network."""
    tree, found = ast.parse(code), []
    for name in imported(tree, "mkdkit.x"):
        if name.split(".")[0] in ("pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"):
            found.append(f"import {name}")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("eval", "exec", "torch.load", "torch.save", "os.system", "joblib.load"):
            found.append(called)
        for keyword in node.keywords:
            is_off = isinstance(keyword.value, ast.Constant) and not keyword.value.value
            if keyword.arg in ("trust_remote_code", "allow_pickle", "shell") and not is_off:
                found.append(str(keyword.arg))
    return found


def test_nothing_in_the_package_runs_foreign_code():
    found = {str(path): dangers(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "def f():\n    from pickle import loads",
        "torch.load(path)",
        "eval(text)",
        "Model.from_pretrained(name, trust_remote_code=True)",
        "Model.from_pretrained(name, trust_remote_code=trusted)",
        "np.load(path, allow_pickle=True)",
    ],
)
def test_foreign_code_is_found(code):
    assert len(dangers(code)) == 1


@pytest.mark.parametrize("code", ["model.eval()", "np.load(path, allow_pickle=False)"])
def test_harmless_code_is_not(code):
    assert dangers(code) == []
