"""A teacher behind a server: asked in full, never twice, within the budget, whatever it does."""

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from teacher_server import FAULTS, Teacher

from mkdkit.models import prompting
from mkdkit.records import Question, write_questions
from mkdkit.tasks import catalogue
from mkdkit.teachers.asking import examples, prices, prompts, session
from mkdkit.teachers.asking.client import RefusedError
from mkdkit.teachers.asking.examples import read_examples
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.recorded import read_recorded_rationales

SVAMP = catalogue.find("svamp")
QUICK = AskSettings(model="scripted", tries=8)
PATIENCE = 8.0  # seconds: a busy machine answers in less, a server that stalls does not
KEY = "sk-very-secret-12345"
KILLS = 20  # of one collection


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def questions(n):
    return [
        Question(f"q/{k}", f"Tom has {k} pens and gets 1. How many?", str(k + 1)) for k in range(n)
    ]


def solve(prompt, number):
    """A right rationale, and after "Therefore, the answer is" the answer alone."""
    pens = int(prompt.split("Tom has ")[1].split()[0])
    if prompt.endswith("the answer is"):
        return f" {pens + 1}."
    return f"Tom has {pens} pens. {pens} + 1 = {pens + 1}, sample {number}."


def ask(teacher, n, tmp_path, settings=QUICK, **options):
    with teacher.serving() as url:
        return session.ask(
            questions(n),
            task=SVAMP,
            settings=replace(settings, base_url=url),
            out=tmp_path / "said.jsonl",
            bar=False,
            **options,
        )


def rows(tmp_path):
    lines = (tmp_path / "said.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("endpoint", ["chat", "completion"])
@pytest.mark.parametrize("heeds_n", [True, False])
def test_two_prompts_make_a_rationale_and_its_answer(endpoint, heeds_n, tmp_path):
    teacher = Teacher(solve, heeds_n=heeds_n)
    done = ask(teacher, 5, tmp_path, replace(QUICK, endpoint=endpoint))
    assert (done.rationales, done.failed, done.stopped) == (15, {}, "")
    found = rows(tmp_path)
    assert all(row["is_correct"] for row in found)
    assert found[1]["text"] == "Tom has 0 pens. 0 + 1 = 1, sample 1."
    assert found[1]["answer_reply"]["text"] == "1."
    assert found[1]["model"] == "scripted"
    first = [prompt for prompt in teacher.seen if prompt.endswith(prompting.STEP_BY_STEP)]
    assert {teacher.answered[prompt] for prompt in first} == {3}


def test_what_was_collected_is_read_as_a_source_of_ones_own(tmp_path):
    ask(Teacher(solve), 2, tmp_path)
    read = read_recorded_rationales(
        tmp_path / "said.jsonl", format="jsonl", task=SVAMP, questions=questions(2)
    )
    assert [rationale.is_correct for rationale in read] == [True] * 6


def test_a_journal_is_not_asked_again(tmp_path):
    teacher = Teacher(solve)
    ask(teacher, 4, tmp_path)
    requests = sum(teacher.seen.values())
    first = (tmp_path / "said.jsonl").read_bytes()
    done = ask(teacher, 4, tmp_path)
    assert sum(teacher.seen.values()) == requests
    assert (tmp_path / "said.jsonl").read_bytes() == first
    assert done.spent.startswith("280 tokens")  # 4 x (10 + 3 x 5 + 3 x (10 + 5))


def test_a_question_that_stands_twice_is_paid_for_once(tmp_path):
    twice = [*questions(1), replace(questions(1)[0], id="again")]
    teacher = Teacher(solve)
    with teacher.serving() as url:
        settings = replace(QUICK, base_url=url)
        session.ask(twice, task=SVAMP, settings=settings, out=tmp_path / "said.jsonl", bar=False)
    assert max(teacher.answered.values()) == 3
    assert [row["question_id"] for row in rows(tmp_path)] == ["q/0"] * 3 + ["again"] * 3


def test_every_question_ends_answered_or_listed_whatever_the_server_does(tmp_path):
    def fault(prompt, number):
        """Three in ten first tries fail, each in its way; one question is held back for ever."""
        k = int(prompt.split("Tom has ")[1].split()[0])
        if k == 77:
            return "filter"
        return FAULTS[k % 7] if number == 0 and k % 10 < 3 else ""

    teacher = Teacher(solve, fault)
    settings = replace(QUICK, concurrency=64, rationales_per_question=1, timeout=PATIENCE)
    done = ask(teacher, 500, tmp_path, settings)
    assert set(done.failed) == {"q/77"}
    assert "content filter" in done.failed["q/77"]
    assert done.rationales == 499
    assert all(row["is_correct"] for row in rows(tmp_path))
    assert max(teacher.answered.values()) == 1  # none was asked again after an answer
    assert teacher.most_at_once <= 64


def test_a_cut_off_rationale_is_marked(tmp_path):
    settings = replace(QUICK, rationales_per_question=1, prompting="one_prompt")
    ask(Teacher(solve, lambda prompt, number: "length"), 1, tmp_path, settings)
    assert [row["is_complete"] for row in rows(tmp_path)] == [False]


@pytest.mark.parametrize(
    "said",
    [
        {"content": "4 + 1 = 5. Answer: 5", "reasoning_content": "hm"},
        {"content": "4 + 1 = 5. Answer: 5", "reasoning": "hm"},
        {"content": "<think>hm</think>\n4 + 1 = 5. Answer: 5"},
    ],
)
def test_hidden_reasoning_is_kept_apart(said, tmp_path):
    settings = replace(QUICK, rationales_per_question=1, prompting="one_prompt")
    ask(Teacher(lambda prompt, number: said), 1, tmp_path, settings)
    row = rows(tmp_path)[0]
    assert (row["reasoning"], row["prediction"]) == ("hm", "5")
    assert "hm" not in row["text"]


def test_more_is_asked_where_too_few_are_correct(tmp_path):
    def reply(prompt, number):
        return f"{solve(prompt, number)} Answer: {7 if 'has 6 ' in prompt else 0}"

    settings = replace(QUICK, prompting="one_prompt", until_correct=2, at_most=6)
    teacher = Teacher(reply)
    ask(teacher, 7, tmp_path, replace(settings, rationales_per_question=1))
    counts = {prompt.split("Tom has ")[1].split()[0]: n for prompt, n in teacher.answered.items()}
    assert counts["6"] == 2  # as soon as two are correct
    assert counts["0"] == 6  # none ever is: up to the limit


def test_a_budget_is_never_passed(tmp_path):
    teacher = Teacher(solve)
    settings = replace(QUICK, prompting="one_prompt", rationales_per_question=1, max_tokens=5)
    most = len(prompts.first_prompt(questions(9)[0], settings).encode()) + 5
    limit = most + 3 * 15  # the fourth request is the last that is covered for sure
    done = ask(teacher, 9, tmp_path, replace(settings, concurrency=1), budget=f"{limit} tokens")
    assert done.stopped == "the budget is reached"
    assert done.rationales == 4
    assert sum(teacher.seen.values()) == 4
    done = ask(teacher, 9, tmp_path, settings, budget="500000 tokens")
    assert (done.stopped, done.rationales) == ("", 9)


def test_money_is_counted_by_the_readers_prices(tmp_path):
    table = tmp_path / "prices.toml"
    table.write_text('[scripted]\nprompt = 2.0\ncompletion = 10.0\ncurrency = "EUR"\n')
    settings = replace(QUICK, prompting="one_prompt", rationales_per_question=2)
    done = ask(Teacher(solve), 3, tmp_path, settings, price_table=table, budget="1 EUR")
    # 3 requests of 10 tokens sent and 2 x 5 written
    assert done.spent == f"60 tokens, {(30 * 2 + 30 * 10) / 1e6:.4g} EUR"
    with pytest.raises(ValueError, match="prices of this model are in EUR"):
        prices.parse_budget("1 USD", prices.find_price("scripted", path=table))
    with pytest.raises(ValueError, match="it has no price"):
        prices.parse_budget("1 USD", prices.find_price("other", path=table))


def test_replies_without_use_are_paid_for_too_and_the_budget_holds(tmp_path):
    teacher = Teacher(solve, lambda prompt, number: "empty" if number < 3 else "")
    settings = replace(QUICK, rationales_per_question=1, max_tokens=5, answer_max_tokens=5)
    done = ask(teacher, 12, tmp_path, settings, budget="600 tokens")
    assert done.spent == f"{teacher.charged} tokens"
    assert 300 < teacher.charged <= 600
    assert done.stopped == "the budget is reached"


@pytest.mark.parametrize("text", ["", "5", "much money", "-1 USD", "nan tokens", "0 tokens"])
def test_a_budget_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="budget must be such as"):
        prices.parse_budget(text, prices.Price(1.0, 1.0, "USD"))


@pytest.mark.parametrize(
    "entry",
    [
        "prompt = 1",
        'prompt = "x"\ncompletion = 1\ncurrency = "E"',
        'prompt = -1\ncompletion = 1\ncurrency = "E"',
    ],
)
def test_a_price_that_lacks_something_is_refused(entry, tmp_path):
    table = tmp_path / "prices.toml"
    table.write_text(f"[scripted]\n{entry}\n")
    with pytest.raises(ValueError, match="needs prompt and completion"):
        prices.find_price("scripted", path=table)


@pytest.mark.parametrize(("fault", "message"), [("401", "right key"), ("404", "is there a model")])
def test_a_refusal_ends_the_collection_at_once_and_does_not_tell_the_key(fault, message, tmp_path):
    teacher = Teacher(solve, lambda prompt, number: fault)
    with pytest.raises(RefusedError, match=message) as caught:
        ask(teacher, 100, tmp_path, replace(QUICK, concurrency=4))
    assert sum(teacher.seen.values()) <= 4
    assert KEY not in str(caught.value)


def test_an_address_without_a_server_is_told_in_one_line(tmp_path):
    settings = replace(QUICK, base_url="http://127.0.0.1:9/v1", concurrency=2)
    with pytest.raises(RefusedError, match="no server answers at http://127"):
        session.ask(
            questions(3), task=SVAMP, settings=settings, out=tmp_path / "said.jsonl", bar=False
        )


def test_the_key_is_sent_and_written_nowhere(tmp_path):
    teacher = Teacher(solve, lambda prompt, number: "500" if number == 0 else "")
    ask(teacher, 2, tmp_path)
    assert teacher.keys == {f"Bearer {KEY}"}
    for path in tmp_path.iterdir():
        assert KEY not in path.read_text(encoding="utf-8"), path


def test_a_second_process_on_the_same_journal_stops(tmp_path):
    path = tmp_path / "said.jsonl.journal"
    program = (
        "import sys, pathlib; from mkdkit.teachers.asking.journal import Journal\n"
        "Journal(pathlib.Path(sys.argv[1]), {})"
    )
    with Journal(path, {}):
        done = subprocess.run(
            [sys.executable, "-c", program, path], capture_output=True, text=True, check=False
        )
    assert "open in another process" in done.stderr


TOKENS = {"prompt": 5, "completion": 3, "replies": 1}


def test_a_half_written_line_is_cut_off_and_asked_again(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, {"model": "a"}) as journal:
        journal.append("r", {"text": "one", "tokens": TOKENS})
        journal.append("r", {"text": "two", "tokens": TOKENS})
    whole = path.read_bytes()
    for cut in range(len(whole.splitlines(keepends=True)[0]) + 1, len(whole)):
        path.write_bytes(whole[:cut])
        with Journal(path, {"model": "a"}) as journal:
            kept = journal.count("r")
            assert [journal.read("r", k)["text"] for k in range(kept)] == ["one", "two"][:kept]
            for text in ["one", "two"][kept:]:
                journal.append("r", {"text": text, "tokens": TOKENS})
        assert path.read_bytes() == whole


def calls_that_write():
    """How often this process has asked the system to write anything."""
    lines = Path("/proc/self/io").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("syscw"))


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the system does not count calls")
@pytest.mark.parametrize("length", [10, 20_000])  # less and more than what a file holds back
def test_replies_of_one_request_are_kept_at_one_blow(length, tmp_path):
    said = [{"text": letter * length, "tokens": TOKENS} for letter in "abc"]
    with Journal(tmp_path / "journal", {}) as journal:
        journal.append("before", *said[:2])
        before = calls_that_write()
        journal.append("r", *said)
        assert calls_that_write() - before == 1  # a kill comes before or after it
        assert [journal.read("r", k)["text"][0] for k in range(3)] == ["a", "b", "c"]
        assert journal.read("before", 1)["text"][0] == "b"


def test_a_damaged_line_and_other_settings_are_refused(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, {"model": "a"}) as journal:
        journal.append("r", {"text": "one", "tokens": TOKENS})
    with pytest.raises(ValueError, match="begun with model 'a', not 'b'"):
        Journal(path, {"model": "b"})
    path.write_bytes(path.read_bytes().replace(b'{"request"', b"{request") + b"{}\n")
    with pytest.raises(ValueError, match="line 2: damaged"):
        Journal(path, {"model": "a"})


def without_time(found):
    """Rows without what differs from run to run."""
    if isinstance(found, list):
        return [without_time(row) for row in found]
    differs = ("time", "request_id")
    return {
        name: without_time(value) if isinstance(value, dict) else value
        for name, value in found.items()
        if name not in differs
    }


KILLED = """
import sys, pathlib
sys.path.insert(0, sys.argv[3])
from test_asking import QUICK, SVAMP, questions, session, replace
settings = replace(QUICK, base_url=sys.argv[1], concurrency=4, seed=0)
session.ask(questions(40), task=SVAMP, settings=settings, out=pathlib.Path(sys.argv[2]), bar=False)
"""


def test_killed_at_any_moment_it_goes_on_and_asks_only_what_was_in_flight(tmp_path):
    def slow(prompt, number):
        time.sleep(0.01)
        return solve(prompt, number)

    teacher, here, rng = Teacher(slow), __file__.rpartition("/")[0], random.Random(0)
    out, kills, undisturbed = tmp_path / "said.jsonl", 0, tmp_path / "undisturbed"
    with teacher.serving() as url:
        command = [sys.executable, "-c", KILLED, url, str(out), here]
        while True:
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            until = sum(teacher.seen.values()) + rng.randint(1, 140 // KILLS)
            while kills < KILLS and process.poll() is None and sum(teacher.seen.values()) < until:
                time.sleep(0.001)
            if kills < KILLS and process.poll() is None:
                time.sleep(rng.uniform(0, 0.02))
                process.kill()
                kills += 1
            if process.wait() != -signal.SIGKILL:
                break
    undisturbed.mkdir()
    ask(Teacher(solve), 40, undisturbed, replace(QUICK, seed=0))
    assert process.returncode == 0
    assert kills == KILLS
    assert without_time(rows(tmp_path)) == without_time(rows(undisturbed))
    needed = 40 * 4  # one request for three rationales, three for their answers
    assert sum(teacher.seen.values()) <= needed + 4 * kills


def in_a_cell(*arguments):
    """Ask as a notebook's cell does: inside an event loop that leaves interrupts alone."""

    async def cell():
        return ask(*arguments)

    with closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(cell())


def test_a_notebooks_cell_can_ask_though_its_kernel_runs_a_loop(tmp_path):
    done = in_a_cell(Teacher(solve), 5, tmp_path)
    assert (done.rationales, done.failed) == (15, {})


@pytest.fixture
def interruptible():
    """Listen to Ctrl-C even where the tests run as a shell's background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_cell_that_is_stopped_keeps_what_came_and_goes_on_from_there(tmp_path, interruptible):
    calls = itertools.count(1)

    def stopping(prompt, number):
        if next(calls) == 20:  # once, though several are asked in the same moment
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        return solve(prompt, number)

    teacher = Teacher(stopping)
    settings = replace(QUICK, concurrency=4)
    with pytest.raises(KeyboardInterrupt):
        in_a_cell(teacher, 40, tmp_path, settings)
    before = len((tmp_path / "said.jsonl.journal").read_text().splitlines())
    assert 10 < before < 40
    teacher.reply = solve
    done = in_a_cell(teacher, 40, tmp_path, settings)
    assert (done.rationales, done.failed) == (120, {})
    assert sum(teacher.seen.values()) <= 40 * 4 + 4


def test_asking_without_a_key_ends_in_one_line(monkeypatch, capsys):
    from mkdkit.__main__ import main

    monkeypatch.delenv("OPENAI_API_KEY")
    assert main(["ask", "--task", "svamp", "--model", "gpt"]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said == [line for line in said if "OPENAI_API_KEY" in line]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": " "}, "model must be named"),
        ({"base_url": "localhost:8000"}, "base_url must begin with http"),
        ({"prompting": "guess"}, "prompting must be one of"),
        ({"tries": 0}, "tries must be above 0"),
        ({"until_correct": -1}, "until_correct must be 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(QUICK, **change)


def test_the_command_asks_writes_and_sums_up(tmp_path, capsys):
    from mkdkit.__main__ import main

    file, out = tmp_path / "questions.jsonl", tmp_path / "said.jsonl"
    write_questions(file, questions(3))
    command = ["ask", "--task", "svamp", "--model", "scripted", "--questions", str(file)]
    with Teacher(solve).serving() as url:
        assert main([*command, "--base-url", url, "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "3 questions: about" in said
    assert f"9 rationales (9 correct) in {out}; 210 tokens" in said  # 3 x 70


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a", "text": "b"}', "line 1: the column 'answer' is missing"),
        ("{", "line 1: not JSON"),
        ('{"id": "a", "text": "b", "answer": "blue"}', "asks for an answer of type number"),
    ],
)
def test_a_file_of_questions_with_a_bad_line_ends_in_one_line(line, message, tmp_path, capsys):
    from mkdkit.__main__ import main

    file = tmp_path / "questions.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    assert main(["ask", "--task", "svamp", "--model", "m", "--questions", str(file)]) == 2
    said = capsys.readouterr().err.strip()
    assert message in said
    assert "\n" not in said


def test_without_usage_every_byte_counts_so_that_the_budget_still_holds(tmp_path):
    settings = replace(QUICK, prompting="one_prompt", rationales_per_question=1)
    teacher = Teacher(lambda prompt, number: "Answer: 1", tells_usage=False)
    done = ask(teacher, 1, tmp_path, settings)
    sent = len(prompts.first_prompt(questions(1)[0], settings).encode())
    assert done.spent == f"{sent + len('Answer: 1')} tokens"


def main_with(teacher, *arguments):
    """Run the command line against a server; returns its exit code."""
    from mkdkit.__main__ import main

    with teacher.serving() as url:
        return main(
            ["ask", "--task", "svamp", "--model", "scripted", "--base-url", url, *arguments]
        )


def test_the_questions_of_a_hub_set_are_asked_by_its_own_columns(tmp_path, capsys):
    pytest.importorskip("datasets")
    folder, settings = tmp_path / "hub", tmp_path / "settings.json"
    folder.mkdir()
    lines = [{"problem": q.text, "value": f"so\n#### {q.answer}"} for q in questions(5)]
    for split, rows in (("train", lines[:3]), ("test", lines[3:])):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text)
    about = {"source": "hub", "data_dir": str(folder), "text_column": "problem"}
    about |= {"answer_column": "value", "answer_mark": "####", "validation": 0}
    settings.write_text(json.dumps({"questions": about}))
    out = tmp_path / "said.jsonl"
    teacher = Teacher(solve)
    assert main_with(teacher, "--settings", str(settings), "--out", str(out)) == 0
    assert "9 rationales (9 correct)" in capsys.readouterr().err


def test_examples_stand_before_every_question(tmp_path):
    shown, out, file = tmp_path / "mine.txt", tmp_path / "said.jsonl", tmp_path / "q.jsonl"
    shown.write_text("Q: 1 and 1?\nA: 1 + 1 = 2. Answer: 2\n")
    write_questions(file, questions(2))
    teacher = Teacher(solve)
    arguments = ["--questions", str(file), "--out", str(out), "--prompting", "few_shot_cot"]
    assert main_with(teacher, *arguments, "--examples", str(shown)) == 0
    asked = [f"Q: 1 and 1?\nA: 1 + 1 = 2. Answer: 2\n\nQ: {q.text}\nA:" for q in questions(2)]
    assert sorted(teacher.seen) == asked


def test_examples_in_the_published_form_are_those_of_the_task(tmp_path):
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps({"svamp": {"prompt": "Q: a\nA: b"}, "aqua": {"prompt": ""}}))
    assert read_examples("svamp", path) == "Q: a\nA: b"
    for task in ("aqua", "gsm8k"):
        with pytest.raises(ValueError, match=f"no examples of {task}; it has svamp, aqua"):
            read_examples(task, path)


def test_a_mark_at_the_beginning_of_a_file_is_not_part_of_it(tmp_path):
    text, table = tmp_path / "mine.txt", tmp_path / "prices.toml"
    text.write_text("Q: 1 and 1?\nA: 2", encoding="utf-8-sig")
    assert read_examples("svamp", text) == "Q: 1 and 1?\nA: 2"
    priced = '[scripted]\nprompt = 2.0\ncompletion = 10.0\ncurrency = "EUR"\n'
    table.write_text(priced, encoding="utf-8-sig")
    assert prices.find_price("scripted", path=table) == prices.Price(2.0, 10.0, "EUR")


def test_examples_in_another_encoding_are_told_of_with_their_file(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("Q: Wie viele Bücher?\nA: 2", encoding="latin-1")
    with pytest.raises(ValueError, match=r"mine.txt: not UTF-8: .*save it as UTF-8"):
        read_examples("svamp", file)


def test_examples_that_are_not_there_are_told_of_with_the_remedy(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="check the path"):
        read_examples("svamp", tmp_path / "none.txt")
    monkeypatch.setattr(examples, "PUBLISHED", tmp_path / "none.json")
    with pytest.raises(ValueError, match="mkdkit fetch fine-tune-cot"):
        read_examples("svamp")


def test_the_published_examples_are_read(published_data):
    path = published_data / "fine-tune-cot" / "data" / "few_shot_cot_prompts.json"
    assert read_examples("svamp", path).startswith("Q: There are 15 trees in the grove.")
    with pytest.raises(ValueError, match="no examples of tracking_shuffled_objects"):
        read_examples("tracking_shuffled_objects", path)
