"""One list of pins: what conda reads, what the Makefile installs, what pyproject asks for."""

import ast
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import mkdkit

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(text) for text in PYPROJECT["project"]["dependencies"]]
CAN_BE_LEFT_OUT = {"bitsandbytes"}  # no wheel for some machines; LoRA then goes without 4-bit
EXTRAS = PYPROJECT["project"]["optional-dependencies"]


def pip_list() -> list[str]:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    [pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    return pip


def pins() -> dict[str, Requirement]:
    wanted = [Requirement(text) for text in pip_list() if text != "-e ."]
    return {canonicalize_name(requirement.name): requirement for requirement in wanted}


def test_conda_installs_the_project_itself_last():
    assert pip_list()[-1] == "-e ."


def test_every_pin_is_exact_and_stands_once():
    assert len(pins()) == len(pip_list()) - 1
    assert {
        name for name, pin in pins().items() if not str(pin.specifier).startswith("==")
    } == set()


def test_the_makefile_installs_the_same_list():
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    dry = ["make", "--dry-run", "--what-if=environment.yml", ".venv/installed"]
    lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    [sed] = [line for line in lines.splitlines() if line.startswith("sed ")]
    command = sed.split(" > ")[0]
    made = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert made.stdout.split() == pip_list()[:-1]


@pytest.mark.parametrize("requirement", RUNTIME, ids=lambda requirement: requirement.name)
def test_every_dependency_is_pinned_and_installed_new_enough(requirement):
    pin = pins()[canonicalize_name(requirement.name)]
    [pinned] = [specifier.version for specifier in pin.specifier]
    assert requirement.specifier.contains(pinned)
    if requirement.name in CAN_BE_LEFT_OUT and not importlib.util.find_spec(requirement.name):
        pytest.skip(f"{requirement.name} is not installed here (make WITHOUT={requirement.name})")
    assert requirement.specifier.contains(version(requirement.name), prereleases=True)


def test_every_development_tool_is_pinned():
    for text in EXTRAS["dev"]:
        requirement = Requirement(text)
        [pinned] = [s.version for s in pins()[canonicalize_name(requirement.name)].specifier]
        assert requirement.specifier.contains(pinned)


def test_every_pin_is_asked_for_by_pyproject():
    asked = RUNTIME + [Requirement(text) for text in EXTRAS["dev"]]
    assert set(pins()) == {canonicalize_name(requirement.name) for requirement in asked}


def test_every_extra_is_installed_by_make_test():
    assert {text for extra in EXTRAS.values() for text in extra} == set(EXTRAS["dev"])


def test_what_the_package_imports_is_a_declared_dependency():
    asked = RUNTIME + [Requirement(text) for text in EXTRAS["scale"] + EXTRAS["page"]]
    declared = {canonicalize_name(requirement.name) for requirement in asked}
    homes = packages_distributions()
    imported: dict[str, str] = {}
    for path in (ROOT / "mkdkit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            imported |= {name.split(".")[0]: str(path) for name in names}
    foreign = set(imported) - sys.stdlib_module_names - {"mkdkit"}
    assert "torch" in foreign
    for name in foreign:
        found = {canonicalize_name(home) for home in homes.get(name, [name])}
        assert found & declared, f"{imported[name]} imports {name}, which pyproject does not name"


def test_the_citation_is_of_this_version_and_names_three_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == mkdkit.__version__
    papers = {paper["identifiers"][0]["value"] for paper in citation["references"]}
    assert papers == {"arXiv:2410.09037", "arXiv:2212.10071", "arXiv:2310.14747"}
