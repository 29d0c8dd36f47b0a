"""Bars are drawn where they are wanted, and not by workers that share one screen."""

import os
import subprocess
import sys

import pytest

from mkdkit.pipeline.stages.fine_tuning import progress


@pytest.mark.parametrize("is_shown", [True, False])
@pytest.mark.parametrize("is_disabled", [True, False])
def test_a_bar_is_drawn_if_it_is_wanted_and_nobody_forbade_it(is_shown, is_disabled):
    environment = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    environment |= {"TQDM_DISABLE": "1"} if is_disabled else {}
    code = f"from mkdkit import progress; list(progress.bar('ab', is_shown={is_shown}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ("2/2" in done.stderr) == (is_shown and not is_disabled)


def test_the_bar_of_a_training_that_goes_on_begins_where_it_stood(capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert list(progress([10, 11, 12], "train", "step", 12, done=9)) == [10, 11, 12]
    drawn = capsys.readouterr().err
    assert " 9/12 " in drawn
    assert " 12/12 " in drawn
    assert " 3/12 " not in drawn
