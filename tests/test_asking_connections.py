"""The way to a server: proxies, connections that never come about, requests that are given up."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import replace

import pytest
from teacher_server import Teacher
from test_asking import QUICK, SVAMP, ask, in_a_cell, questions, solve
from test_asking import interruptible as interruptible
from test_asking import key as key

from mkdkit.teachers.asking import client, collect, prompts, serving, session
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.prices import Limit, Spending
from mkdkit.teachers.asking.teacher import RefusedError

ONE = replace(QUICK, rationales_per_question=1, prompting="one_prompt")
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@pytest.fixture
def proxy(monkeypatch):
    """A server of this machine that the environment names as the proxy for everything."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Teacher(solve)
    with server.serving() as url:
        for name in PROXIES:
            monkeypatch.setenv(name, url.removesuffix("/v1"))
        yield server


def spent(tmp_path, settings):
    with Journal(tmp_path / "said.jsonl.journal", settings.asked()) as journal:
        return journal.spent()


def test_a_server_of_this_machine_is_asked_without_the_proxy(proxy, tmp_path):
    teacher = Teacher(solve)
    assert ask(teacher, 3, tmp_path, ONE).rationales == 3
    assert sum(teacher.seen.values()) == 3
    assert not proxy.bodies
    assert not proxy.keys


def test_a_server_of_this_machine_is_waited_for_without_the_proxy(proxy, tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "PATIENCE", 20.0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=tmp_path, stdout=quiet, stderr=quiet)
    try:
        with tempfile.TemporaryFile() as log:
            serving._wait(f"http://127.0.0.1:{port}/", server, log)
    finally:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def never_accepting():
    """An address of this machine where a connection is never taken up."""
    with contextlib.ExitStack() as opened:
        server = opened.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):  # those who wait fill its queue
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


def test_a_connection_that_is_never_taken_up_costs_nothing_and_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(client, "CONNECT", 0.3)
    with never_accepting() as url, pytest.raises(RefusedError, match=f"no server answers at {url}"):
        session.ask(
            questions(9),
            task=SVAMP,
            settings=replace(ONE, base_url=url),
            out=tmp_path / "said.jsonl",
            bar=False,
        )
    assert spent(tmp_path, ONE) == (0, 0)


def test_a_proxy_that_lets_nothing_through_costs_nothing_and_is_told_of(proxy, tmp_path):
    settings = replace(ONE, base_url="https://teacher.invalid/v1")  # 501: it knows no CONNECT
    with pytest.raises(RefusedError, match=r"no server answers at https://teacher.invalid.*501"):
        session.ask(
            questions(3), task=SVAMP, settings=settings, out=tmp_path / "said.jsonl", bar=False
        )
    assert spent(tmp_path, ONE) == (0, 0)


def most_of(n):
    """What the first `n` questions can cost at most, as (prompt, completion) tokens."""
    sent = sum(len(prompts.first_prompt(question, ONE).encode()) for question in questions(n))
    return sent, n * ONE.max_tokens


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("how", [ask, in_a_cell])
def test_requests_in_flight_when_a_run_is_interrupted_are_counted(how, tmp_path):
    def fault(prompt, number):
        if sum(teacher.seen.values()) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return "stall"

    teacher = Teacher(solve, fault)
    with pytest.raises(KeyboardInterrupt):
        how(teacher, 40, tmp_path, replace(ONE, concurrency=4))
    assert spent(tmp_path, ONE) == most_of(4)


@pytest.mark.parametrize("was_answered", [True, False])
def test_requests_in_flight_when_another_is_refused_count_if_any_was_answered(
    was_answered, tmp_path
):
    def fault(prompt, number):
        if was_answered and "has 0 " in prompt:
            return ""
        if "has 3 " not in prompt:
            return "stall"
        while sum(teacher.seen.values()) < 4 + was_answered:
            time.sleep(0.01)
        return "401"

    teacher = Teacher(solve, fault)
    with pytest.raises(RefusedError, match="right key"):
        ask(teacher, 40, tmp_path, replace(ONE, concurrency=4))
    sent, written = most_of(3)
    assert spent(tmp_path, ONE) == ((sent + 10, written + 5) if was_answered else (0, 0))


class Counting(Spending):
    """Counts how often a request was to be covered."""

    asked = 0

    def reserve(self, prompt_tokens, completion_tokens):
        self.asked += 1
        return super().reserve(prompt_tokens, completion_tokens)


def test_who_waits_for_the_budget_looks_again_only_when_a_request_has_ended(tmp_path):
    def slow(prompt, number):
        time.sleep(0.05)
        return solve(prompt, number)

    settings = replace(ONE, concurrency=4, max_tokens=5)
    teacher, most = Teacher(slow), len(prompts.first_prompt(questions(1)[0], settings)) + 5
    spending = Counting(limit=Limit(most + 3 * 15, "tokens"))  # the most of one, what 3 cost
    with (
        teacher.serving() as url,
        Journal(tmp_path / "journal", settings.asked()) as journal,
    ):
        done = collect.collect(
            questions(4),
            task=SVAMP,
            settings=replace(settings, base_url=url),
            teacher=client.Client(replace(settings, base_url=url), "none"),
            journal=journal,
            spending=spending,
        )
    assert (done.questions, done.stopped, teacher.most_at_once) == (4, "", 1)
    assert spending.asked <= 4 + 3 + 2 + 1  # all at first, then those who are left
