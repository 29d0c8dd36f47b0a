"""Tables for a page or a paper: what a reader of Markdown or TeX gets is what the rows say."""

import itertools
import json
import re
import shutil
import subprocess

import pytest
from markdown_it import MarkdownIt

from mkdkit.__main__ import main
from mkdkit.evaluation import statistics
from mkdkit.pipeline import results
from mkdkit.show import cards, tables
from mkdkit.show.tables import Measured

NASTY = [
    "mentor_kd",
    "_private_ and __init__",
    "50 % of A & B # 3",
    "$5 {or} ~6^7",
    "C:\\new\\table \\\\",
    "a|b `code` *bold* ~~gone~~",
    "<b>x</b> & &amp;",
    "[link](http://x.y) [1](u) ![i](j) [a][b]",
    "[1] first",
    "* starred",
    "--arms a---b",
    "λ = 0, τ ≥ 2 − 1",
    "two\nlines",
]
ROWS = [{"name": text, "share %": 1.25 * i} for i, text in enumerate(NASTY)]


def one_line(text):
    return " ".join(text.split())


def read_markdown(text):
    """Cells of the one table that a GitHub-flavoured reader finds, row by row, and their sides."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert sum(token.type == "table_open" for token in tokens) == 1
    rows, sides = [], []
    for token, inside in itertools.pairwise(tokens):
        if token.type == "tr_open":
            rows.append([])
        if token.type in ("th_open", "td_open"):
            kinds = {child.type for child in inside.children}
            assert kinds <= {"text", "text_special", "strong_open", "strong_close"}, kinds
            rows[-1].append("".join(child.content for child in inside.children))
            sides.append(token.attrs.get("style", ""))
    return rows, sides


SIGNS = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
    r"\textless{}": "<", r"\textgreater{}": ">", r"\textbar{}": "|", "$-$": "−",
    r"$\lambda$": "λ", r"$\tau$": "τ", r"$\geq$": "≥", "{}": "",
    **{rf"\{sign}": sign for sign in "_%&#${}"},
}  # fmt: skip


def read_tex(text):
    """A strict reader of the TeX that may stand in a cell: known commands, nothing raw."""
    found, at = "", 0
    while at < len(text):
        sign = next((sign for sign in SIGNS if text.startswith(sign, at)), None)
        if sign is None:
            assert text[at] not in r"\_%&#${}~^<>|", f"raw {text[at]!r} in {text!r}"
            assert text[at : at + 2] != "--", f"a ligature in {text!r}"
        found += text[at] if sign is None else SIGNS[sign]
        at += len(sign or text[at])
    return found


def tex_cells(text):
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0]
    return [
        re.split(r"(?<!\\) & ", line) for line in body.strip().removesuffix(r"\\").split("\\\\\n")
    ]


def test_a_markdown_reader_gets_every_text_back_and_numbers_on_the_right():
    rows, sides = read_markdown(tables.markdown(ROWS))
    assert rows[0] == ["name", "share %"]
    assert [row[0] for row in rows[1:]] == [one_line(text) for text in NASTY]
    assert [row[1] for row in rows[1:4]] == ["0.0", "1.2", "2.5"]
    assert sides == ["", "text-align:right"] * (len(NASTY) + 1)


def test_a_strict_reader_of_tex_gets_every_text_back():
    cells = tex_cells(tables.latex(ROWS))
    assert [read_tex(first.strip()) for first, _ in cells] == [one_line(text) for text in NASTY]
    assert r"\begin{tabular}{lr}" in tables.latex(ROWS)
    assert r"name & share \% \\" in tables.latex(ROWS)


def test_a_row_of_tex_does_not_begin_with_what_the_end_of_a_row_would_take():
    firsts = [line for line in tables.latex(ROWS).splitlines() if line.endswith(r"\\")]
    assert not [line for line in firsts if line.startswith(("[", "*"))]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_and_breaks_nothing_across_its_lines(tmp_path):
    table = tables.latex(ROWS, bold=["share %"], caption="A & B_c, 100 %", label="tab:a-b")
    document = r"\documentclass{article}\usepackage{booktabs}\begin{document}See \ref{tab:a-b}."
    (tmp_path / "t.tex").write_text(f"{document}\n{table}\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
    for _ in range(2):
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, errors="replace"
        )
        assert done.returncode == 0, done.stdout[-2000:]
    assert "undefined" not in done.stdout
    assert (tmp_path / "t.pdf").stat().st_size > 1000


def test_values_are_written_as_in_the_html_tables_of_the_notebooks():
    row = {"a": 1234, "b": 0.25, "c": None, "d": True, "e": (1.0, 2.5), "f": -1.0, "g": "x"}
    html = re.findall(r"<td[^>]*>(.*?)</td>", cards.table([row]).data)
    assert html == ["1,234", "0.2", "–", "yes", "1.0 to 2.5", "−1.0", "x"]
    assert read_markdown(tables.markdown([row]))[0][1] == html


def test_an_accuracy_carries_its_own_interval_or_wilsons():
    given = {"arm": "a", "accuracy": 54.5, "interval": [47.61, 61.25], "n": 200, "correct": 109}
    bare = {"arm": "b", "accuracy": 50.0, "n": 100, "correct": 50}  # Wilson: 40.4 to 59.6
    failed = {"arm": "c", "accuracy": None}
    rows = tables.with_intervals([given, bare, failed], wilson=statistics.wilson_interval)
    cells = [line[1] for line in read_markdown(tables.markdown(rows))[0]]
    assert cells == ["accuracy", "54.5 [47.6, 61.2]", "50.0 [40.4, 59.6]", "–"]
    assert "interval" not in tables.markdown(rows)


def seeds(arm, task, *accuracies):
    return [
        {"task": task, "arm": arm, "seed": seed, "accuracy": value, "key": f"{arm}{seed}"}
        for seed, value in enumerate(accuracies, start=1)
    ]


def test_a_pivot_has_the_mean_over_seeds_with_students_interval():
    # mean 20, standard error 10 / sqrt(3), t(0.975, 2) = 4.303: 20 ± 24.8
    rows = [*seeds("a", "sums", 10.0, 20.0, 30.0), *seeds("a", "coins", 5.0, 5.0, 5.0)]
    rows += seeds("b", "sums", 40.0)
    found = tables.pivot(rows, student_t=statistics.mean_interval)
    assert [row["arm"] for row in found] == ["a", "b"]
    assert [row["seeds"] for row in found] == [3, 1]
    assert tables.text_of(found[0]["sums"]) == "20.0 [−4.8, 44.8]"
    assert tables.text_of(found[0]["coins"]) == "5.0 [5.0, 5.0]"
    assert found[1]["sums"] == Measured(40.0, None)  # one seed says nothing about seeds
    assert read_markdown(tables.markdown(found))[0][2] == ["b", "1", "40.0", "–"]


def test_where_cells_of_a_row_differ_in_seeds_every_cell_says_its_own():
    rows = [*seeds("a", "sums", 10.0, 20.0, 30.0), *seeds("a", "coins", 5.0)]
    (found,) = tables.pivot(rows, student_t=statistics.mean_interval)
    assert "seeds" not in found
    assert tables.text_of(found["sums"]).endswith("] (n = 3)")
    assert tables.text_of(found["coins"]) == "5.0 (n = 1)"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([r | {"rate": r["seed"]} for r in seeds("a", "t", 1.0, 2.0)], "a, t have different rate"),
        (seeds("a", "t", 1.0) * 2, "seeds that repeat"),
        (
            [*seeds("a", "t", 1.0), {"arm": "a", "task": "t", "accuracy": None}],
            "1 with no accuracy",
        ),
        ([{"arm": "a", "accuracy": 1.0}], "1 with no task"),
    ],
)
def test_a_mean_over_what_is_not_of_one_kind_is_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        tables.pivot(rows, student_t=statistics.mean_interval)


def test_the_committed_table_of_seeds_has_a_cell_for_every_arm_and_task():
    rows = results.read_table("tiny_arms")
    found = tables.pivot(rows, student_t=statistics.mean_interval)
    assert {row["arm"] for row in found} == {row["arm"] for row in rows}
    for row in found:
        for task in {one["task"] for one in rows if one["arm"] == row["arm"]}:
            values = [o["accuracy"] for o in rows if (o["arm"], o["task"]) == (row["arm"], task)]
            assert row[task].mean == pytest.approx(sum(values) / len(values))


def test_only_what_is_asked_for_is_bold_and_what_reads_alike_is_the_best_alike():
    rows = [{"a": Measured(9.96, (9.0, 11.0)), "b": 3}, {"a": 10.04, "b": 1}, {"a": 9.9, "b": 2}]
    assert "**" not in tables.markdown(rows)
    text = tables.markdown(rows, bold=["a"])
    assert re.findall(r"\*\*(.*?)\*\*", text) == ["10.0", "10.0"]
    assert "**10.0** [9.0, 11.0]" in text
    assert re.findall(r"textbf\{(.*?)\}", tables.latex(rows, bold=["b"])) == ["3"]
    with pytest.raises(ValueError, match="no column c"):
        tables.markdown(rows, bold=["c"])


def test_a_label_needs_a_caption_and_plain_signs():
    text = tables.latex(ROWS, caption="100 %", label="tab:arms")
    assert "\\caption{100 \\%}\n\\label{tab:arms}\n" in text
    assert read_markdown(tables.markdown(ROWS, caption="a_b"))[0][0] == ["name", "share %"]
    for caption, label in ((None, "tab:a"), ("A", "tab:a_b"), ("A", "a}b")):
        with pytest.raises(ValueError, match="a label has letters"):
            tables.latex(ROWS, caption=caption, label=label)
    with pytest.raises(ValueError, match="at least one row"):
        tables.latex([])


@pytest.fixture
def table_file(tmp_path):
    path = tmp_path / "mine.csv"
    lines = ["task,arm,seed,accuracy,n,correct,key", "t,a_b,1,50.0,100,50,1234567890123456"]
    path.write_text("\n".join([*lines, "t,a_b,2,60.0,100,60,12e4567890123456"]) + "\n")
    return path


def test_a_key_stays_what_it_is_though_it_could_be_read_as_a_number(table_file):
    rows = results.read_table("mine", folder=table_file.parent)
    assert [row["key"] for row in rows] == ["1234567890123456", "12e4567890123456"]
    assert rows[0]["accuracy"] == 50.0


def test_the_command_prints_the_columns_that_are_asked_for(table_file, capsys):
    command = ["export", "table", str(table_file), "--columns", "seed", "accuracy", "key"]
    assert main(command) == 0
    head, first, _ = read_markdown(capsys.readouterr().out)[0]
    assert head == ["seed", "accuracy", "key"]
    assert first == ["1", "50.0 [40.4, 59.6]", "1234567890123456"]  # Wilson's, of 50 in 100


def test_the_command_writes_means_over_seeds_as_latex(table_file, tmp_path):
    command = ["export", "table", str(table_file), "--pivot", "--format", "latex", "--bold"]
    out = tmp_path / "t.tex"
    assert main([*command, "--caption", "50 %", "--label", "tab:t", "--file", str(out)]) == 0
    # mean 55, standard error 5, t(0.975, 1) = 12.706: 55 ± 63.5
    assert [read_tex(cell) for cell in tex_cells(out.read_text())[0][:2]] == ["a_b", "2"]
    assert r"\textbf{55.0} [$-$8.5, 118.5]" in out.read_text()
    assert r"\caption{50 \%}" in out.read_text()


def test_the_command_reads_the_arms_of_a_report(tmp_path, capsys):
    arm = {"name": "mentor_kd", "accuracy": 71.5, "interval": [64.88, 77.31], "n": 200, "seed": 0}
    (tmp_path / "report.json").write_text(json.dumps({"arms": [arm]}))
    assert main(["export", "table", str(tmp_path / "report.json")]) == 0
    rows, _ = read_markdown(capsys.readouterr().out)
    assert rows[1] == ["mentor_kd", "71.5 [64.9, 77.3]", "200", "0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no table 'nothing' in"),
        (["none.json"], "none.json: there is no such file"),
        (["none.csv"], "no table 'none' in"),
        (["tiny_arms", "--columns", "rate"], "no column rate; there are task, arm"),
        (["tiny_arms", "--label", "tab:a"], "a label is for --format latex"),
        (["tiny_regime", "--pivot"], "a mean is over seeds alone"),
    ],
)
def test_what_cannot_be_a_table_is_one_line(capsys, arguments, message):
    assert main(["export", "table", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_table_of_the_paper_is_printed_with_dashes_where_it_has_no_number(capsys):
    assert main(["export", "table", "published_1", "--digits", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| model | arm | gsm8k | asdiv | svamp | commonsense_qa |"
    assert "| T5-XXL (Magister et al. 2023) | fine_tune_cot | 21.99 | 42.12 | – | – |" in lines
    assert main(["export", "table", "published_9"]) == 2
    assert "are 1 to 5, got 9" in capsys.readouterr().err
