"""The list of benchmarks is the folder's, each says what it lacks, and speeds are what they are."""

import pytest

from mkdkit.__main__ import main
from mkdkit.pipeline import bench
from mkdkit.show import figures

HELPERS = {"shares", "record", "own_memory", "published_loop"}  # what the benchmarks share


def test_every_benchmark_of_the_folder_is_in_the_list():
    assert {path.stem for path in bench.FOLDER.glob("*.py")} - HELPERS == set(bench.BENCHMARKS)


def test_they_are_run_in_the_order_of_the_list():
    assert bench.choose(["store", "start"]) == ["start", "store"]
    assert bench.choose([]) == list(bench.BENCHMARKS)


def test_a_benchmark_that_is_not_there_is_one_line(capsys):
    assert main(["bench", "fast"]) == 2
    assert "no benchmark fast; there are: start, widgets" in capsys.readouterr().err


def test_without_published_rationales_their_benchmark_says_how_to_get_them(capsys, tmp_path):
    assert main(["bench", "distill", "--data-dir", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err
    assert "benchmark distill cannot be run here" in error
    assert "mkdkit fetch mentor-kd" in error


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two benchmarks that are quick: one that works, one that does not, and one for a package."""
    (tmp_path / "good.py").write_text("print('done well')")
    (tmp_path / "bad.py").write_text("raise SystemExit(3)")
    listed = {
        "bad": bench.Benchmark("fails"),
        "other": bench.Benchmark("needs something", package="no_such_package"),
        "good": bench.Benchmark("works"),
    }
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setattr(bench, "BENCHMARKS", listed)


def test_one_that_fails_keeps_none_from_running_and_is_named_in_the_end(folder, capfd):
    lines = []
    with pytest.raises(RuntimeError, match=r"failed, above: bad$"):
        lines.extend(bench.run())
    assert "done well" in capfd.readouterr().out
    lines = iter(bench.run())
    assert next(lines) == "bad: fails"
    expected = "other: left out, it needs no_such_package, as nothing else here does; "
    assert next(lines) == expected + "pip install no_such_package"


MEASURED = {
    "distill": {
        "svamp": {"fp32": {"published_s": 520.0, "ours_s": 20.0, "store_s": 120.0, "epochs": 20}}
    },
    "sampling": {"generate_s": 30.0, "ours_s": 15.0, "ratio": 2.0},
    "start": {"import_s": 0.01},
}


def test_an_epoch_pays_its_share_of_the_store():
    pairs = bench.speedups(MEASURED)
    assert list(pairs.values()) == [(520.0, 26.0), (30.0, 15.0)]  # 520 / 26 is 20 times


def test_the_figure_says_how_many_times_and_both_times():
    ax = figures.plot_speedups(bench.speedups(MEASURED))
    said = [text.get_text() for text in ax.texts]
    assert said == ["20 ×   9 min to 26 s", "2 ×   30 s to 15 s"]
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert dots == [20, 2]


def test_what_is_slower_lies_left_of_one():
    ax = figures.plot_speedups({"slow": (1.0, 4.0)})
    assert ax.get_xlim()[0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("seconds", "message"), [({}, "something that was timed"), ({"a": (1.0, 0.0)}, "not for a$")]
)
def test_no_figure_of_nothing(seconds, message):
    with pytest.raises(ValueError, match=message):
        figures.plot_speedups(seconds)
