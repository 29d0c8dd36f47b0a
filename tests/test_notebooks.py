"""The notebooks run from top to bottom and are stored clean; the runner says what went wrong."""

import base64
import dataclasses
import importlib
import io
import json
import math
import os
import statistics
from pathlib import Path

import nbformat
import pytest
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, ImageChops

from mkdkit.evaluation import seeds
from mkdkit.evaluation.statistics import holm
from mkdkit.pipeline import clean_notebooks, notebooks, recipes, results
from mkdkit.show import cards, published

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SECONDS_A_CELL = 300


def test_there_are_notebooks():
    assert NOTEBOOKS, "no notebooks found: the tests below would pass by testing nothing"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_PROFILE", "smoke")
    monkeypatch.delenv("MKDKIT_RUNS", raising=False)
    notebooks.run(path, tmp_path / path.name, timeout=SECONDS_A_CELL, show=False)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_source_that_is_shown_is_the_source_that_runs(path):
    cells = [one for one in nbformat.read(path, 4).cells if "cards.source(" in one.source]
    for one in cells:
        shown = one.outputs[0].data["text/markdown"]
        home = shown.split("# ")[1].split(".py")[0].replace("/", ".")
        name = one.source.split("cards.source(")[1].split(")")[0].split(".")[-1]
        assert shown == cards.source(getattr(importlib.import_module(home), name)).data


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert clean_notebooks.faults(notebook) == []


def stored(*cells, **metadata) -> nbformat.NotebookNode:
    """A notebook as it is stored, with the counts that the cells have."""
    notebook = new_notebook(cells=list(cells), metadata=metadata)
    notebook.metadata.setdefault("kernelspec", clean_notebooks.KERNEL)
    return notebook


def cell(source="1", count=1, *outputs, **metadata):
    return new_code_cell(source, execution_count=count, outputs=list(outputs), metadata=metadata)


def display(**data):
    kinds = {"png": "image/png", "text": "text/plain", "html": "text/html"}
    return new_output("display_data", {kinds.get(k, k): v for k, v in data.items()})


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


WIDGET = new_output(
    "display_data", {clean_notebooks.WIDGET: {"model_id": "a"}, "text/plain": "HBox"}
)
OTHER_KERNEL = {**clean_notebooks.KERNEL, "name": "other"}
DIRTY = {
    "widgets is stored": stored(cell(), widgets={"state": {}}),
    "the kernel is not python3": stored(cell(), kernelspec=OTHER_KERNEL),
    "bytes; at most": stored(cell("1", 1, display(png="A" * 600_000))),
    "a text cell has the path": stored(new_markdown_cell("see /home/ann/notes.txt")),
    "execution count 2": stored(cell("1", 2)),
    "execution count None": stored(cell("1", None)),
    "21 lines; at most 20": stored(cell("\n".join(["x = 1"] * 21))),
    "times of its run": stored(cell("1", 1, execution={"iopub.execute_input": "2026"})),
    "the path of a machine: /home/ann/x.csv": stored(cell("open('/home/ann/x.csv')")),
    "the path of a machine: /tmp/run": stored(cell("1", 1, stream("wrote /tmp/run"))),
    "the path of a machine: C:\\Users": stored(cell("1", 1, display(html="C:\\Users\\ann"))),
    "a memory address": stored(cell("1", 1, display(text="<object at 0x7f0012345678>"))),
    "an error is stored": stored(
        cell("1", 1, new_output("error", ename="E", evalue="", traceback=[]))
    ),
    "a widget is stored": stored(cell("1", 1, WIDGET)),
    "no image is stored": stored(cell("figures.plot_lengths({})", 1, display(text="<Figure>"))),
}


@pytest.mark.parametrize("fault", DIRTY)
def test_what_must_not_be_stored_is_found(fault):
    [found] = clean_notebooks.faults(DIRTY[fault])
    assert fault in found


def test_a_clean_notebook_has_no_faults():
    notebook = stored(
        new_markdown_cell("see https://example.org/home/ann"),
        cell("\n".join(["x = 1"] * 20), 1, stream("data/runs/mentor-01\n")),
        cell("ax = figures.plot_lengths({})", 2, display(png="AAAA", text="<Figure>")),
        cell("cards.source(figures.plot_lengths)", 3, display(html="<div></div>")),
        new_code_cell(""),
    )
    assert clean_notebooks.faults(notebook) == []


def test_cleaning_removes_the_traces_of_a_run_and_nothing_else():
    bar = "100%|####| 3/3 [00:01<00:00, 2.9it/s]"
    notebook = stored(
        new_markdown_cell("text", metadata={"collapsed": True}),
        cell(
            "a",
            7,
            WIDGET,
            stream("one "),
            stream("two\n"),
            execution={"iopub.execute_input": "2026"},
            tags=["keep"],
        ),
        cell("b", 9, stream(f"\r 50%|##  | 1/2 [00:00<00:00]\r{bar}\nreal warning\n", "stderr")),
        cell("c", 12, new_output("execute_result", {"text/plain": "5"}, execution_count=12)),
        cell("d", 13, stream(f"{bar}\n", "stderr")),
        widgets={"state": {}},
        language_info={"name": "python", "version": "3.11.7"},
    )
    clean = clean_notebooks.clean(notebook)
    assert clean.metadata == {
        "kernelspec": clean_notebooks.KERNEL,
        "language_info": {"name": "python"},
    }
    text, first, second, third, fourth = clean.cells
    assert [c.source for c in clean.cells] == ["text", "a", "b", "c", "d"]
    assert text.metadata == {}
    assert first.metadata == {"tags": ["keep"]}
    assert [output.text for output in first.outputs] == ["one two\n"]
    assert [output.text for output in second.outputs] == ["real warning\n"]
    assert third.outputs[0].execution_count == third.execution_count == 3
    assert third.outputs[0].data == {"text/plain": "5"}
    assert fourth.outputs == []
    assert clean_notebooks.faults(clean) == []
    assert clean_notebooks.clean(clean) == clean


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with notebooks of its own, and runs of its own."""
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path / "notebooks")
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MKDKIT_PROFILE", "smoke")
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def write(folder: Path, name: str, *sources: str) -> Path:
    path = folder / "notebooks" / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def test_a_stored_figure_has_a_palette_and_looks_the_same():
    figure, ax = plt.subplots()
    ax.plot([0, 1], [0, 1], color="#d95f02")
    file = io.BytesIO()
    figure.savefig(file, format="png", transparent=True)
    image = base64.b64encode(file.getvalue()).decode()
    output = new_output("display_data", {"image/png": image})
    cell = new_code_cell("1", outputs=[output])
    cleaned = clean_notebooks.clean(new_notebook(cells=[cell]))
    stored = cleaned.cells[0].outputs[0].data["image/png"]
    assert len(stored) < 0.7 * len(image)
    before, after = (Image.open(io.BytesIO(base64.b64decode(one))) for one in (image, stored))
    ground = Image.new("RGBA", before.size, "white")
    ground.alpha_composite(before.convert("RGBA"))
    difference = ImageChops.difference(ground.convert("RGB"), after.convert("RGB"))
    assert max(high for _, high in difference.getextrema()) < 24
    assert clean_notebooks.clean(cleaned) == cleaned


def test_demo_runs_in_order_and_leaves_the_notebooks_as_they_were(folder, capsys):
    note = "from pathlib import Path; Path('../order.txt').open('a').write"
    paths = [write(folder, f"0{n}_part", f"{note}('{n}')") for n in (3, 0, 6, 7)]
    before = [path.read_bytes() for path in paths]
    assert notebooks.main(["demo"]) == 0
    assert (folder / "order.txt").read_text() == "036"  # 07 is not part of the demo
    assert [path.read_bytes() for path in paths] == before
    copies = sorted(path.name for path in (folder / "runs/notebooks").iterdir())
    assert copies == ["00_part.ipynb", "03_part.ipynb", "06_part.ipynb"]
    assert "Running 3 notebooks in profile smoke" in capsys.readouterr().out


def test_demo_stops_at_the_first_error_and_says_where(folder, capsys):
    write(folder, "00_good", "1")
    write(folder, "01_bad", "x = 1", "y = 2\nraise ValueError('the rule, the value')", "z = 3")
    never = write(folder, "02_never", "1")
    assert notebooks.main(["demo"]) == 1
    message = capsys.readouterr().err
    assert "01_bad stopped in code cell 2:" in message
    assert "raise ValueError('the rule, the value')" in message
    assert "ValueError: the rule, the value" in message
    assert "Traceback" not in message
    assert (folder / "runs/notebooks/01_bad.ipynb").exists()
    assert not (folder / "runs/notebooks" / never.name).exists()


def test_demo_without_notebooks_says_so(folder, capsys):
    assert notebooks.main(["demo"]) == 1
    assert "no notebooks in" in capsys.readouterr().err


def test_refresh_stores_clean_outputs_from_an_empty_start(folder):
    path = write(folder, "07_own", "import os; os.environ['MKDKIT_RUNS'].endswith('refresh')", "2")
    old = folder / "runs" / "refresh" / "stage-1" / "done.json"
    old.parent.mkdir(parents=True)
    old.touch()
    assert notebooks.main(["refresh"]) == 0
    notebook = nbformat.read(path, as_version=4)
    assert [c.execution_count for c in notebook.cells] == [1, 2]
    assert notebook.cells[0].outputs[0].data == {"text/plain": "True"}
    assert not old.exists()
    first = path.read_bytes()
    assert notebooks.main(["refresh"]) == 0
    assert path.read_bytes() == first


def test_refresh_names_what_is_not_clean(folder, capsys):
    write(folder, "00_dirty", "object()")
    write(folder, "01_other", "1")
    assert notebooks.main(["refresh", "00"]) == 1
    assert "not clean: 00_dirty.ipynb: code cell 1: a memory address" in capsys.readouterr().err


def test_a_figure_reaches_the_stored_notebook(folder, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")  # as a shell may have set it: no images inline
    source = "from mkdkit.show import figures\nax = figures.plot_coverage([1], {'one': [5]})"
    path = write(folder, "00_figure", source)
    assert notebooks.main(["refresh"]) == 0
    [output] = nbformat.read(path, as_version=4).cells[0].outputs
    assert "image/png" in output.data


def test_a_kernel_of_the_same_name_elsewhere_is_not_used(folder, monkeypatch):
    other = folder / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": "of another project", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(folder / "jupyter"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    write(folder, "00_part", "1")
    assert notebooks.main(["demo"]) == 0


def test_the_default_runs_newest_report_is_shown_as_a_table(folder, monkeypatch):
    """Not that of another run, though it was made later: what is loaded is made no newer."""
    monkeypatch.setenv("MKDKIT_PROFILE", "tiny")
    assert notebooks.newest_table() == ""
    default, other = recipes.make("tiny"), recipes.make("tiny", "coin_flip")
    for made_at, (recipe, accuracy) in enumerate([(default, 7.0), (default, 61.5), (other, 99.0)]):
        interval = [54.6, 68.0]
        arm = {"name": "mentor_kd", "accuracy": accuracy, "n": 200, "interval": interval, "seed": 0}
        report = {"arms": [arm], "settings": dataclasses.asdict(recipe)}
        path = folder / "runs" / f"report-{made_at}" / "report.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(report), encoding="utf-8")
        os.utime(path, (made_at, made_at))
    table = notebooks.newest_table()
    assert "Test accuracy on multi_step_arithmetic" in table
    assert "mentor_kd   61.5%  (54.6 to 68.0, n = 200)" in table


def test_the_default_runs_report_with_most_arms_is_kept(folder):
    default, other = recipes.make("tiny"), recipes.make("tiny", seed=5)
    for number, (recipe, arms) in enumerate([(default, 2), (default, 4), (other, 6)]):
        made = folder / "runs" / f"report-{number}"
        made.mkdir(parents=True)
        report = {"arms": [{}] * arms, "settings": dataclasses.asdict(recipe)}
        (made / "report.json").write_text(json.dumps(report), encoding="utf-8")
    notebooks.keep_default(folder)
    kept = json.loads((folder / "tiny_default.json").read_text(encoding="utf-8"))
    assert len(kept["arms"]) == 4


def test_the_readme_quotes_the_recorded_default_run():
    rows = ("base", "answer_only", "fine_tune_cot", "fine_tune_cot_equal_steps", "mentor_kd")
    kept = json.loads((results.RESULTS / "tiny_default.json").read_text(encoding="utf-8"))
    by_name = {arm["name"]: arm for arm in kept["arms"]}
    readme = (notebooks.ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("| --- | --- | --- |\n")[1].splitlines()[: len(rows)]
    quoted = [tuple(cell.strip() for cell in line.strip("|").split("|")[1:]) for line in table]
    low_high = [[f"{bound:.1f}" for bound in by_name[name]["interval"]] for name in rows]
    recorded = [f"{by_name[name]['accuracy']:.1f}%" for name in rows]
    assert quoted == [
        (right, f"{low} to {high}") for right, (low, high) in zip(recorded, low_high, strict=True)
    ]
    assert f"on {by_name['base']['n']} questions that no training saw" in readme
    teacher = kept["filter"]["by_source"]["teacher"]
    assert f"kept {teacher['kept']} of its {sum(teacher.values())} rationales" in readme


def test_the_readme_quotes_the_table_of_many_seeds():
    first, second = "fine_tune_cot_equal_steps", "mentor_kd"
    rows = seeds.complete(results.read_table("tiny_arms"), (first, second), 8)
    readme = (notebooks.ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("| --- | --- | --- | --- | --- | --- |\n")[1].split("\n\n")[0].splitlines()
    quoted = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    found = []
    for task, entry in seeds.compare(rows, first, second).items():
        means = [
            statistics.fmean(r["accuracy"] for r in rows if (r["task"], r["arm"]) == (task, arm))
            for arm in (first, second)
        ]
        signed = [f"{x:+.1f}".replace("-", "−") for x in (entry["points"], *entry["interval"])]
        interval, p = f"{signed[1]} to {signed[2]}", f"{entry['p_holm']:.3f}"
        shown = [f"{mean:.1f}%" for mean in means]
        found.append([task.replace("_", " "), *shown, signed[0], interval, p])
    assert quoted == found
    sure = sum(entry["p_holm"] < 0.05 for entry in seeds.compare(rows, first, second).values())
    assert f"{['No', 'One', 'Two', 'Three'][sure]} gains are sure" in readme


def test_the_readme_quotes_what_soft_labels_weigh_what_rows_take_and_what_was_tried():
    readme = " ".join((notebooks.ROOT / "README.md").read_text(encoding="utf-8").split())
    by_weight: dict[float, list[float]] = {}
    for row in results.read_table("sweep_kd_weight"):
        by_weight.setdefault(row["student.kd_weight"], []).append(row["accuracy"])
    means = [statistics.fmean(by_weight[weight]) for weight in sorted(by_weight)]
    low, high, last = min(means[:-1]), max(means[:-1]), means[-1]
    weights = ", ".join(f"{weight:g}" for weight in sorted(by_weight)[:-2])
    assert f"at λ = {weights} and {sorted(by_weight)[-2]:g} Mentor-KD has {low:.1f}% to" in readme
    usual = [
        row["accuracy"] for row in results.read_table("tiny_cost") if row["arm"] == "mentor_kd"
    ]
    assert 0.6 not in by_weight
    assert (
        f"{high:.1f}%, at the 0.6 of all other tables the {statistics.fmean(usual):.1f}% above, "
        f"at 1 {last:.1f}%"
    ) in readme
    tried = json.loads((results.RESULTS / "stress.json").read_text(encoding="utf-8"))
    assert f"{tried['kills_survived']} kills of {tried['kills']} survived" in readme
    (_, before), (calls, after) = (
        (name, at["mib"]) for name, at in tried["kernel"].items() if name != "is_flat"
    )
    grew = f"grew by {after - before:.0f} MiB of {before:.0f}"
    assert calls == "after 200 stage calls and 500 redraws"
    assert f"one kernel that {grew} in 200 calls of stages and 500 redraws" in readme
    assert f"{tried['inputs_tried']:,} damaged files and {tried['texts_tried']:,} random" in readme
    assert tried["inputs_read_wrongly"] == tried["texts_failed"] == tried["rows_lost"] == 0
    path = results.RESULTS / "stress_memory.json"
    few, *_, many = json.loads(path.read_text(encoding="utf-8"))["measured"].values()
    most = max(many[name]["mib"] - few[name]["mib"] for name in few)
    assert f"no stage takes more than {math.ceil(most)} MiB more for 300 thousand" in readme


def test_the_readme_quotes_the_scores_on_published_questions():
    readme = " ".join((notebooks.ROOT / "README.md").read_text(encoding="utf-8").split())
    rows = results.read_table("tiny_real")
    task = "last_letter_concatenation"

    def mean(arm):
        scores = [row["accuracy"] for row in rows if (row["task"], row["arm"]) == (task, arm)]
        assert len(scores) == 5
        return statistics.fmean(scores)

    assert f"{mean('mentor_kd'):.1f}% with Mentor-KD, " in readme
    assert f"{mean('fine_tune_cot'):.1f}% with Fine-tune-CoT" in readme
    assert f"{mean('fine_tune_cot_equal_steps'):.1f}% with as many steps as Mentor-KD" in readme
    assert f"{mean('answer_only'):.1f}% from answers alone" in readme
    column = published.COLUMNS.index(task)
    published_score = published.TABLE_3["Flan-T5-small", "mentor_kd"][column]
    assert f"The published Flan-T5-small has {published_score:.1f}% with Mentor-KD" in readme
    assert mean("answer_only") > published_score


def test_the_readme_quotes_the_table_of_costs():
    rows = results.read_table("tiny_cost")
    readme = (notebooks.ROOT / "README.md").read_text(encoding="utf-8")

    def mean(arm, column="accuracy"):
        return statistics.fmean(row[column] for row in rows if row["arm"] == arm)

    for arm, words in {
        "mentor_kd": "Mentor-KD has {}",
        "mentor_kd_no_soft_labels": "{} without its soft labels",
        "self_mentor": "{} with a mentor no larger than the student",
        "fine_tune_cot_6": "{}, for less than half the work",
    }.items():
        assert words.format(f"{mean(arm):.1f}%") in " ".join(readme.split())
    assert mean("fine_tune_cot_6", "teraflop") < mean("mentor_kd", "teraflop") / 2

    steps = {
        arm: statistics.fmean(
            row["steps"]
            for row in results.read_table("tiny_arms")
            if row["task"] == recipes.DEFAULT_TASK and row["arm"] == arm and row["seed"] <= 3
        )
        for arm in ("mentor_kd", "fine_tune_cot_6")
    }
    assert 1.9 < steps["fine_tune_cot_6"] / steps["mentor_kd"] < 2.2

    others = ("mentor_kd_no_soft_labels", "self_mentor", "fine_tune_cot_6")
    alone = [seeds.compare(rows, "mentor_kd", arm)[recipes.DEFAULT_TASK]["p_t"] for arm in others]
    assert [p < 0.05 for p in alone] == [False, False, True]
    assert min(holm(alone)) > 0.05
    words = "By itself the last of these differences would be sure; among three of them (Holm) none"
    assert words in " ".join(readme.split())


def test_the_readme_quotes_where_students_fail_and_how_a_repetition_came_out():
    readme = " ".join((notebooks.ROOT / "README.md").read_text(encoding="utf-8").split())

    def mean(table, **where):
        rows = results.read_table(table)
        found = [r["accuracy"] for r in rows if all(r[c] == v for c, v in where.items())]
        assert len(found) == 3, (table, where)
        return f"{statistics.fmean(found):.1f}%"

    again = mean("sweep_mentor_size", mentor_base="tiny-mentor")
    smaller = mean("sweep_mentor_size", mentor_base="tiny-student")
    words = f"Measured on another machine, Mentor-KD had {again}, and with the smaller mentor"
    assert f"{words} {smaller}" in readme
    apart = mean("sweep_wordings", arm="mentor_kd", **{"questions.wordings": "apart"})
    assert f"in wordings that no training saw Mentor-KD has {apart}" in readme
    by_steps: dict[tuple[str, int], list[float]] = {}
    for row in results.read_table("tiny_steps"):
        by_steps.setdefault((row["arm"], row["question_steps"]), []).append(row["accuracy"])
    means = {cell: statistics.fmean(found) for cell, found in by_steps.items()}
    _, learnt = max(means, key=lambda cell: means[cell])
    elsewhere = max(found for (_, steps), found in means.items() if steps != learnt)
    assert f"at another number of steps no method more than {elsewhere:.1f}%" in readme
