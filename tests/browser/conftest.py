"""A real JupyterLab and a real Chromium: what a reader does, done by a program."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage"
)
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
PATIENCE = 120  # seconds that a slow machine may take for one thing
KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
IS_READY = f"""() => {{
  try {{ const k = {KERNEL}; return k.status === 'idle' && k.connectionStatus === 'connected'; }}
  catch {{ return false; }}
}}"""
OUTPUTS = """() => {
  const cells = jupyterapp.shell.currentWidget.content.model.cells;
  return Array.from({length: cells.length}, (_, i) => cells.get(i))
    .filter(cell => cell.type === 'code').map(cell => cell.outputs.toJSON());
}"""
ASK = f"""async code => {{
  const reply = await {KERNEL}.requestExecute(
    {{code: '', silent: true, user_expressions: {{said: code}}}}).done;
  const said = reply.content.user_expressions.said;
  return said.status === 'ok' ? said.data['text/plain'] : `error: ${{said.evalue}}`;
}}"""


@dataclass(frozen=True)
class Lab:
    """A running server, and where its notebooks lie."""

    url: str
    token: str
    root: Path


@dataclass(frozen=True)
class Opened:
    """A notebook that stands open in the browser, with its kernel."""

    page: Any
    url: str

    def run_all(self) -> None:
        """Run every cell; fail if one raised (in the page an error may look like any output)."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        outputs = [one for cell in self.page.evaluate(OUTPUTS) for one in cell]
        errors = [one for one in outputs if one["output_type"] == "error"]
        assert errors == []

    def ask(self, expression: str) -> str:
        """What the kernel says of an expression, as its repr."""
        return self.page.evaluate(ASK, expression)

    def wait(self, expression: str, expected: str) -> None:
        """Wait until the kernel says this of an expression."""
        until = time.monotonic() + PATIENCE
        while (said := self.ask(expression)) != expected:
            assert time.monotonic() < until, f"{expression} is {said}, not {expected}"
            time.sleep(0.1)


@pytest.fixture(scope="module")  # while it is open, this thread has a running event loop
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=SWITCHES.split())
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    place = tmp_path_factory.mktemp("lab")
    root, token = place / "notebooks", secrets.token_hex(8)
    root.mkdir()
    config = place / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "default_setting_overrides.json").write_text(json.dumps(OVERRIDES))
    names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    own = {f"JUPYTER_{name}": str(place / name.split("_")[0].lower()) for name in names}
    own |= {f"JUPYTERLAB_{name}_DIR": str(place / name) for name in ("SETTINGS", "WORKSPACES")}
    own |= {"IPYTHONDIR": str(place / "ipython"), "MKDKIT_RUNS": str(place / "runs")}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--allow-root"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={root}"]
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own, cwd=root)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/api/status?token={token}", server, place / "log")
        yield Lab(url, token, root)
    finally:
        server.terminate()
        server.wait(30)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not answer: {log.read_text()}")


@pytest.fixture
def open_notebook(lab: Lab, browser: Any) -> Iterator[Callable[..., Opened]]:
    """Call it with a name and cells' code: the notebook is written, and opened with its kernel."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    context.set_default_timeout(1000 * PATIENCE)

    def opened(name: str, *code: str) -> Opened:
        path = lab.root / f"{name}.ipynb"
        if code:
            notebook = nbformat.v4.new_notebook()
            notebook.cells = [nbformat.v4.new_code_cell(one) for one in code]
            kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
            notebook.metadata["kernelspec"] = kernel
            nbformat.write(notebook, path)
        page = context.new_page()
        url = f"{lab.url}/lab/tree/{path.name}?token={lab.token}&reset"
        page.goto(url, wait_until="domcontentloaded")
        page.wait_for_function(IS_READY)
        return Opened(page, url)

    yield opened
    context.close()
