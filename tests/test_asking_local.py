"""A teacher in this process: the same collection, without a server."""

import asyncio
import json
from dataclasses import replace

import pytest
from bases import SAVE
from transformers import AutoTokenizer

from mkdkit.models import encoding, loading, sampling
from mkdkit.records import Question
from mkdkit.settings import SamplingSettings
from mkdkit.tasks import catalogue
from mkdkit.teachers.asking import prompts, session
from mkdkit.teachers.asking.local_model import LocalModel
from mkdkit.teachers.asking.prices import Spending
from mkdkit.teachers.asking.settings import AskSettings

SVAMP = catalogue.find("svamp")
QUESTIONS = [Question(f"q/{k}", f"Tom has {k} pens and gets 1. How many?", "1") for k in range(5)]
SETTINGS = AskSettings(
    model="tiny-student",
    endpoint="local",
    prompting="one_prompt",
    max_tokens=12,
    concurrency=3,
    seed=7,
)


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    """Settings that ask a model of random weights: it babbles, and never twice the same."""
    return replace(SETTINGS, model=SAVE["causal"](tmp_path_factory.mktemp("model")))


def ask(path, questions=QUESTIONS, settings=SETTINGS):
    done = session.ask(questions, task=SVAMP, settings=settings, out=path, bar=False)
    lines = path.read_text(encoding="utf-8").splitlines()
    return done, [json.loads(line) for line in lines]


def texts(rows):
    return [row["text"] for row in rows]


@pytest.mark.parametrize("family", SAVE)
def test_what_is_collected_is_what_the_model_writes_when_sampled_alone(family, tmp_path):
    settings = replace(SETTINGS, model=SAVE[family](tmp_path / "model"))
    done, rows = ask(tmp_path / "said.jsonl", settings=settings)
    assert (done.rationales, done.failed) == (15, {})
    model, tokenizer = loading.load_base(settings.model), loading.load_tokenizer(settings.model)
    asked = [prompts.first_prompt(question, settings) for question in QUESTIONS]
    one_by_one = SamplingSettings(degree=3, max_new_tokens=12, batch_size=1, seed=7)
    ids = [encoding.encode_text(tokenizer, text, family) for text in asked]
    batches = sampling.write_samples(model, tokenizer, ids, asked, one_by_one)
    found = {(one.prompt, one.sample): one.text for batch in batches for one in batch}
    cut = [prompts.answers.cut_next_question(found[key]).strip() for key in sorted(found)]
    assert texts(rows) == cut


def test_three_asked_for_in_two_goes_are_the_three_asked_for_at_once(random_model, tmp_path):
    one = replace(random_model, rationales_per_question=1)
    ask(tmp_path / "a.jsonl", settings=one)
    _, in_two = ask(tmp_path / "a.jsonl", settings=random_model)
    _, at_once = ask(tmp_path / "b.jsonl", settings=random_model)
    assert texts(in_two) == texts(at_once)
    assert len(set(texts(at_once))) > 5


def test_another_training_in_the_same_folder_is_another_teacher(tmp_path):
    settings = replace(SETTINGS, model=SAVE["causal"](tmp_path / "model"))
    ask(tmp_path / "said.jsonl", settings=settings)
    SAVE["causal"](tmp_path / "model", seed=1)
    with pytest.raises(ValueError, match="begun with weights"):
        ask(tmp_path / "said.jsonl", settings=settings)


def test_both_prompts_of_zero_shot_cot_are_answered(tmp_path):
    settings = replace(SETTINGS, prompting="zero_shot_cot", answer_max_tokens=4)
    done, rows = ask(tmp_path / "said.jsonl", settings=settings)
    assert done.rationales == 15
    assert all("answer_reply" in row for row in rows)


def test_a_prompt_too_long_for_the_model_is_listed_and_the_others_are_answered(
    random_model, tmp_path
):
    long = Question("long", "pens " * 900, "1")
    done, rows = ask(tmp_path / "said.jsonl", [*QUESTIONS, long], random_model)
    assert set(done.failed) == {"long"}
    assert f"more than the 512 that {random_model.model} reads" in done.failed["long"]
    assert len(rows) == 15


def test_a_chat_template_is_used_and_writes_its_special_tokens_once(tmp_path):
    folder = SAVE["causal"](tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = (
        "{% for m in messages %}<pad>{{ m.role }}: {{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %} assistant:{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    teacher = LocalModel(replace(SETTINGS, model=folder))
    ids = teacher._encode("7 + 5 =")
    assert tokenizer.decode(ids) == "<pad>user: 7 + 5 = assistant:"
    assert ids.count(tokenizer.pad_token_id) == 1


def test_an_error_while_writing_ends_the_collection_and_nobody_waits(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(sampling, "write_samples", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        ask(tmp_path / "said.jsonl")


def test_requests_of_one_moment_are_written_in_one_batch(monkeypatch):
    sizes = []
    write = sampling.write_samples

    def watched(model, tokenizer, ids, *rest, **more):
        sizes.append(len(ids))
        return write(model, tokenizer, ids, *rest, **more)

    monkeypatch.setattr(sampling, "write_samples", watched)
    teacher, spending = LocalModel(SETTINGS), Spending()

    async def one(teacher, prompt):
        with spending.reserve(9, 3) as cover:
            return await teacher.ask(prompt, n=1, have=0, max_tokens=3, cover=cover)

    async def all_at_once():
        async with teacher:
            asked = (one(teacher, f"{k} + 1 =") for k in range(6))
            return await asyncio.gather(*asked)

    asyncio.run(all_at_once())
    assert sizes == [6]
    assert spending.prompt_tokens > 6 * 3
    assert 6 <= spending.completion_tokens <= 6 * 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "./nowhere"}, "no such folder"),
        ({"temperature": 0.0}, "sampling_temperature must be above 0"),
    ],
)
def test_a_model_or_setting_that_cannot_be_is_refused_before_anything_is_asked(
    settings, message, tmp_path
):
    with pytest.raises(ValueError, match=message):
        ask(tmp_path / "said.jsonl", settings=replace(SETTINGS, **settings))
    assert not (tmp_path / "said.jsonl.journal").exists()


def test_a_model_held_in_four_bits_is_asked_too(random_model, tmp_path):
    settings = replace(random_model, four_bit=True)
    held = {type(module).__name__ for module in LocalModel(settings)._model.modules()}
    assert "Linear4bit" in held
    done, rows = ask(tmp_path / "four.jsonl", settings=settings)
    _, whole = ask(tmp_path / "whole.jsonl", settings=random_model)
    assert (done.rationales, done.failed) == (15, {})
    assert texts(rows) != texts(whole)
