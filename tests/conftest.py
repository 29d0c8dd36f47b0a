"""What several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def published_data() -> Path:
    """The folder with recorded published data, named by MKDKIT_TEST_DATA; skips without it."""
    folder = os.environ.get("MKDKIT_TEST_DATA")
    if not folder:
        pytest.skip("MKDKIT_TEST_DATA is not set: it names the folder of recorded published data")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"MKDKIT_TEST_DATA names {folder}, which is not a folder")
    return path
