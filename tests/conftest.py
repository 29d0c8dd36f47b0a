"""What several test files share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent / "stress"))  # what is tried for long by make stress

torch.set_num_threads(1)  # small models: threads would wait for each other more than they work


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


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of small bases with random weights, by family."""
    from bases import SAVE

    return {family: save(tmp_path_factory.mktemp("base") / family) for family, save in SAVE.items()}


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A whole run in profile smoke that nobody disturbed, by one process."""
    import kills

    return kills.undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def figure_style(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Figures as the kit draws them, without a smoke run's stamp; all are closed afterwards."""
    from matplotlib import pyplot as plt

    from mkdkit.show import canvas

    monkeypatch.delenv("MKDKIT_PROFILE", raising=False)
    with plt.style.context(canvas.STYLE):
        yield
    plt.close("all")
