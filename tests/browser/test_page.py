"""The demo as a page: Voila serves the notebook, an audience asks."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.conftest import PATIENCE, wait_for

pytestmark = pytest.mark.browser
ANSWERS = ".widget-html-content:has(ol)"  # steps are listed; progress bars have none
DEMO = Path(__file__).parents[2] / "notebooks" / "demo.ipynb"


@pytest.fixture(scope="module")  # the second visitor finds what the first one's kernel computed
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("voila", reason="voila is not installed")
    place = tmp_path_factory.mktemp("page")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"MKDKIT_RUNS": str(place / "runs"), "MKDKIT_PROFILE": "smoke"}
    own |= {"IPYTHONDIR": str(place / "ipython"), "JUPYTER_RUNTIME_DIR": str(place / "runtime")}
    command = [sys.executable, "-m", "voila", str(DEMO), "--no-browser", f"--port={port}"]
    command += ["--Voila.ip=127.0.0.1"]
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | own)
    try:
        wait_for(f"http://127.0.0.1:{port}/voila/static/voila.js", server, place / "log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def page(browser, page_url):
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(page_url, timeout=3000 * PATIENCE, wait_until="domcontentloaded")
    page.get_by_role("button", name="ask", exact=True).wait_for(timeout=3000 * PATIENCE)
    yield page
    page.close()


def test_an_audience_asks_and_looks_inside_an_answer(page):
    assert page.get_by_text("import matplotlib").count() == 0  # a page, no code
    answers = page.locator(ANSWERS)
    page.get_by_role("button", name="ask", exact=True).click()
    for model in ("base", "mentor", "mentor_kd"):
        answers.locator("b", has_text=re.compile(f"^{model}$")).wait_for()
    assert "Answer" in answers.inner_text()
    inside = page.get_by_label("look inside the answer of")
    inside.locator("option").nth(3).wait_for(state="attached")
    inside.select_option("mentor_kd")
    tokens = page.locator(".widget-toggle-button")
    tokens.first.wait_for()
    assert tokens.last.inner_text().strip() == "<eos>"
    shown = page.locator(".widget-html-content").last
    before = shown.inner_text()
    tokens.first.click()
    page.wait_for_function(
        "before => [...document.querySelectorAll('.widget-html-content')].at(-1).innerText "
        "!== before",
        arg=before,
    )
    inside.select_option("nothing")
    tokens.first.wait_for(state="detached")


def test_a_question_of_ones_own_is_answered_and_not_judged(page):
    text = page.get_by_label("question", exact=True)
    known = text.input_value()
    page.get_by_role("button", name="another question").click()
    page.wait_for_function("known => document.querySelector('textarea').value !== known", arg=known)
    text.fill("Ida has <b>4</b> pens & buys 3. How many has she?")
    page.get_by_role("button", name="ask", exact=True).click()
    answers = page.locator(ANSWERS)
    answers.locator("b", has_text=re.compile("^mentor_kd$")).wait_for()
    assert "<b>4</b> pens" in answers.inner_text()
    assert "wrong" not in answers.inner_text()
    text.fill("   ")
    page.get_by_role("button", name="ask", exact=True).click()
    page.get_by_text("Write a question first.").wait_for()
