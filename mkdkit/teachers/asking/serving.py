"""A model of this machine behind an OpenAI-compatible server, for as long as it is needed."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mkdkit.teachers import fetching

PATIENCE = 180.0  # seconds a server may take to load its model


@contextmanager
def serve(model: str | Path) -> Iterator[str]:
    """Serve a causal model by `transformers serve` on a free port; gives the API's address.

    The model is called as its folder (or Hub name) is. This server gives one reply a request, and
    samples only if the model's own generation_config.json has `do_sample`.

    Args:
        model: a folder with a model and its tokenizer, or a name on the Hub.

    Raises:
        ValueError: the server ended, or did not begin to answer in time.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | quiet)
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(address: str, server: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            with fetching.opener(address).open(address, timeout=2):  # not through a proxy
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
    log.seek(0)
    said = log.read().decode(errors="replace").strip().splitlines()
    why = said[-1].strip() if said else "it did not say why"
    raise ValueError(f"transformers serve did not begin to answer: {why}")
