"""Models served by `transformers serve`, a real server, and asked through the real client."""

import json
from dataclasses import replace

import pytest
from bases import save_causal
from transformers import AutoTokenizer

from mkdkit.models import encoding, loading, sampling
from mkdkit.records import Question
from mkdkit.tasks import catalogue
from mkdkit.teachers.asking import prompts, serving, session
from mkdkit.teachers.asking.settings import AskSettings

SVAMP = catalogue.find("svamp")
QUESTIONS = [Question(f"q/{k}", f"Tom has {k} pens and gets 1. How many?", "1") for k in range(6)]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Settings for a served causal model of random weights, with a chat template."""
    folder = save_causal(tmp_path_factory.mktemp("model"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    with serving.serve(folder) as address:
        yield AskSettings(
            model=folder, base_url=address, max_tokens=10, answer_max_tokens=4, concurrency=3
        )


def ask(settings, path):
    done = session.ask(QUESTIONS, task=SVAMP, settings=settings, out=path, bar=False)
    return done, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("endpoint", ["chat", "completion"])
def test_a_served_model_is_asked_in_two_prompts_though_it_ignores_n(served, endpoint, tmp_path):
    done, rows = ask(replace(served, endpoint=endpoint), tmp_path / "said.jsonl")
    assert (done.rationales, done.failed, done.stopped) == (18, {}, "")
    assert [row["question_id"] for row in rows] == [q.id for q in QUESTIONS for _ in range(3)]
    assert all(row["answer_reply"] is not None and row["request_id"] for row in rows)
    assert all(row["tokens"]["replies"] == 1 for row in rows)
    # this server samples only where the model's own generation_config says so
    assert done.repeated == 18 - len({(row["question_id"], row["text"]) for row in rows}) >= 6


def test_a_served_model_writes_what_the_same_model_writes_here(served, tmp_path):
    settings = replace(
        served, endpoint="completion", prompting="fine_tuned", temperature=0.0,
        rationales_per_question=1,
    )  # fmt: skip
    _, rows = ask(settings, tmp_path / "said.jsonl")
    model, tokenizer = loading.load_base(served.model), loading.load_tokenizer(served.model)
    ids = [encoding.encode_prompt(tokenizer, question.text, "causal") for question in QUESTIONS]
    batches = sampling.write_greedy(model, tokenizer, ids, max_new_tokens=10, batch_size=1)
    here = {one.prompt: one.text for batch in batches for one in batch}
    there = [row["text"] for row in rows]
    assert there == [prompts.answers.cut_next_question(here[k]) for k in range(len(QUESTIONS))]


def test_a_chat_with_a_model_trained_here_is_refused_before_anything_is_asked(served):
    with pytest.raises(ValueError, match="use endpoint completion or local"):
        replace(served, endpoint="chat", prompting="fine_tuned")


def test_a_server_that_cannot_load_its_model_is_told_of_in_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"did not begin to answer: .*no_model"):
        serving.serve(tmp_path / "no_model").__enter__()
