"""The tiny family: its tokenizer, its pre-training text, how it is trained, what is shipped."""

import json
import re
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM
from transformers.modeling_outputs import BaseModelOutput

from mkdkit.models import tiny, tiny_tokenizer
from mkdkit.pipeline import (
    growing,
    pretrain,
    pretrain_batches,
    pretrain_checkpoints,
    single_steps,
)
from mkdkit.pipeline import single_steps_words as steps_words
from mkdkit.settings import QuestionSettings, TeacherSettings
from mkdkit.tasks import catalogue, names, procedural, swaps
from mkdkit.teachers import recorded, scripted

TOKENIZER = tiny_tokenizer.build()
QUICK = pretrain.PretrainSettings(step_tokens=128, first_row=64, row=64, last_row=64, probe_items=2)


@given(st.text())
def test_any_text_is_read_and_written_back_exactly(text):
    ids = TOKENIZER(text).input_ids
    if "<" not in text:  # the two special tokens written out are read as themselves
        assert TOKENIZER.decode(ids) == text


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" Elena", ["ĠE", "l", "e", "n", "a"]),
        ('"Elena', ['"', "E", "l", "e", "n", "a"]),
        (" 345", ["Ġ", "3", "4", "5"]),
        ("She has the red ball.", ["She", "Ġhas", "Ġthe", "Ġred", "Ġball", "."]),
        ("so. She --> (A)", ["s", "o", ".", "ĠShe", "Ġ-->", "Ġ(", "A", ")"]),
        ("03/14", ["0", "3", "/", "1", "4"]),
        ("é", ["Ã", "©"]),
    ],
)
def test_names_fall_to_letters_numbers_to_digits_and_common_words_stay_whole(text, tokens):
    assert TOKENIZER.convert_ids_to_tokens(TOKENIZER(text).input_ids) == tokens


def test_the_vocabulary_is_small_and_holds_no_merge_but_space_and_letter():
    assert len(TOKENIZER) == len(set(tiny_tokenizer.vocabulary())) <= 2048
    merges = json.loads(TOKENIZER.backend_tokenizer.to_str())["model"]["merges"]
    assert len(merges) == 52
    assert all(left == "Ġ" and len(right) == 1 and right.isalpha() for left, right in merges)


def test_pad_and_end_are_different_tokens_and_nothing_is_put_in_front():
    assert TOKENIZER.pad_token_id != TOKENIZER.eos_token_id
    assert TOKENIZER.bos_token_id is None
    assert TOKENIZER(" 1").input_ids == TOKENIZER.convert_tokens_to_ids(["Ġ", "1"])


def test_the_evaluated_tasks_people_are_not_whole_words():
    words, starts = tiny_tokenizer.read_words()
    people = {"alice", "bob", "claire", "dave", "eve", "fred", "gertrude"}
    assert not people & {*words, *starts}


@pytest.mark.parametrize("size", list(tiny.SHAPES))
def test_a_size_has_the_parameters_its_shape_gives(size):
    config = tiny.config(size)
    width, mlp, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    block = 4 * width**2 + 3 * width * mlp + 2 * width  # attention, SwiGLU, two norms
    expected = len(tiny_tokenizer.vocabulary()) * width + layers * block + width
    model = LlamaForCausalLM(config)
    assert sum(parameter.numel() for parameter in model.parameters()) == expected
    assert width % 64 == mlp % 64 == 0


def test_an_unknown_size_or_base_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"seed, student, middle, mentor, got 'huge'"):
        tiny.config("huge")
    with pytest.raises(ValueError, match=r"tiny-middle, tiny-mentor; got 'tiny-huge'"):
        tiny.folder("tiny-huge")
    assert not tiny.is_tiny("google/flan-t5-small")


def test_a_base_without_weights_is_refused_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(tiny, "MODELS", tmp_path)
    (tmp_path / "tiny-mentor").mkdir()
    (tmp_path / "tiny-mentor" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"lacks model\.safetensors.*pretrain --size mentor"):
        tiny.folder("tiny-mentor")


@pytest.mark.parametrize("name", list(tiny.TINY))
def test_a_shipped_base_loads_in_bfloat16_with_the_shared_tokenizer(name):
    path = tiny.folder(name)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path)
    assert tokenizer.get_vocab() == TOKENIZER.get_vocab()
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert model.dtype == torch.bfloat16


@pytest.mark.parametrize("name", list(tiny.TINY))
@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("34 + 17 =", " 51"),
        ("62 - 35 =", " 27"),
        ('"n" + "a" =', " na"),
        ("Malik ends with", " k"),
        ("March 5, 2004 =", " 03/05/2004"),
    ],
)
def test_a_shipped_base_takes_single_steps(name, prompt, answer):
    path = tiny.folder(name)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    ids = tokenizer(prompt, return_tensors="pt")
    out = model.generate(**ids, max_new_tokens=len(tokenizer(answer).input_ids), do_sample=False)
    assert tokenizer.decode(out[0, ids.input_ids.shape[1] :]) == answer


@pytest.mark.parametrize("size", [name.removeprefix("tiny-") for name in tiny.TINY])
def test_the_committed_record_belongs_to_the_shipped_weights(size):
    results = Path(tiny.__file__).parents[2] / "data" / "results" / f"pretrain_{size}.json"
    record = json.loads(results.read_text(encoding="utf-8"))
    courses = [record["before"], record] if "before" in record else [record]
    made_with = [pretrain.SHIPPED[size], pretrain.second_course(size)][: len(courses)]
    for course, settings in zip(courses, made_with, strict=True):
        assert course["settings"] == asdict(pretrain.PretrainSettings(size=size, **settings))
    model = AutoModelForCausalLM.from_pretrained(tiny.folder(f"tiny-{size}"))
    assert record["parameters"] == model.num_parameters()
    assert set(record["probes"][-1]["accuracy"]) <= set(single_steps.SKILLS)
    assert record["probes"][-1]["share"] == 1.0


def test_the_skills_that_are_told_are_those_of_the_records():
    sizes = [name.removeprefix("tiny-") for name in tiny.TINY]
    told = (tiny.MODELS / "README.md").read_text(encoding="utf-8")
    folder = tiny.MODELS.parent / "results"
    records = [json.loads((folder / f"pretrain_{size}.json").read_text()) for size in sizes]
    ends = [record["probes"][-1]["accuracy"] for record in records]
    assert f"| skill | {' | '.join(sizes)} |" in told
    for skill in ends[0]:
        assert f"| `{skill}` | {' | '.join(f'{end[skill]:.0f}%' for end in ends)} |" in told


def test_the_bases_together_fit_into_25_megabytes():
    files = [file for file in tiny.MODELS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 25e6


# the pre-training text


def drawn(skill: str, n: int = 300) -> list[single_steps.Episode]:
    return [single_steps.episode(skill, Random(f"test/{i}")) for i in range(n)]


@pytest.mark.parametrize("skill", list(single_steps.SKILLS))
def test_every_episode_has_marked_answers_and_fits_the_context(skill):
    for text, spans in drawn(skill):
        assert spans
        assert all(text[start:end].strip() for start, end in spans)
        assert not set("«»") & set(text)
        assert len(TOKENIZER(text).input_ids) < tiny.CONTEXT


def test_equations_are_true():
    pattern = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")
    found = [m for text, _ in drawn("equations") for m in pattern.findall(text)]
    assert len(found) > 300
    results = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
    assert all(results[sign](int(a), int(b)) == int(c) for a, sign, b, c in found)


def test_last_letters_are_last():
    found = [
        match
        for text, _ in drawn("one_letter")
        for match in re.findall(r'(\w+)"? (?:ends on|ends with|->) "?(\w)', text)
    ]
    assert len(found) > 50
    assert all(word[-1].lower() == letter for word, letter in found)


def test_days_later_and_earlier_are_counted_right():
    pattern = re.compile(r"(\d+) days (later|earlier) than ([\d/]{10})(?: comes|:| =) ([\d/]{10})")
    found = [m for text, _ in drawn("dates", 1000) for m in pattern.findall(text)]
    assert len(found) > 20
    for n, side, start, end in found:
        days = int(n) if side == "later" else -int(n)
        first, last = (datetime.strptime(day, "%m/%d/%Y") for day in (start, end))
        assert first + timedelta(days) == last


def test_today_is_the_day_before_tomorrow_and_after_yesterday():
    near = r"(tomorrow|yesterday)(?: will be| it was|,) ([\w ,/]+?)"
    pattern = re.compile(near + r"[:;] today(?: is| it is|,) ([\d/]{10})")
    found = [m for text, _ in drawn("dates", 1000) for m in pattern.findall(text)]
    assert len(found) > 20
    for side, near, today in found:
        form = "%m/%d/%Y" if "/" in near else "%B %d, %Y"
        away = datetime.strptime(near, form) - datetime.strptime(today, "%m/%d/%Y")
        assert away == timedelta(1 if side == "tomorrow" else -1)


def test_what_is_called_the_same_is_the_same():
    pattern = re.compile(r"wanted: ([^;\n]+); found: ([^;\n]+); (yes|no)")
    found = [m for text, _ in drawn("sameness") for m in pattern.findall(text)]
    assert {verdict for *_, verdict in found} == {"yes", "no"}
    assert all((first == second) == (verdict == "yes") for first, second, verdict in found)


ITEM = rf"((?:(?:{'|'.join(steps_words.COLOURS)}) (?!and\b))?[a-z]+)"


@pytest.mark.parametrize(
    ("style", "pair"),
    [(" = ", rf"(\w+) = {ITEM}"), (" owns the ", rf"(\w+) owns the {ITEM}")],
)
def test_a_swap_changes_two_and_leaves_the_rest(style, pair):
    checked = 0
    for text, _ in drawn("one_swap", 6000):
        match = re.search(r"Swap (\w+) and (\w+)\.", text)
        if match is None or style not in text:
            continue
        parts = text[: match.start()], text[match.end() :]
        before, after = (dict(re.findall(pair, part)) for part in parts)
        if len(before) == len(after) > 1:
            a, b = match.groups()
            assert after == before | {a: before[b], b: before[a]}
            checked += 1
    assert checked > 5


def test_what_is_toggled_changes_and_what_is_left_alone_does_not():
    pattern = re.compile(r"The (\w+) is ([\w ]+)\. (\w+) ([^.]*)\. Now it is ([\w ]+?)\.")
    found = [match for text, _ in drawn("toggles", 1000) for match in pattern.findall(text)]
    assert len(found) > 100
    idle = ("does not", "doesn't", "does nothing", "leaves", "only looks")
    for _, before, _, act, after in found:
        assert (before == after) == act.startswith(idle), (before, act, after)


def test_who_acts_is_read_from_the_story():
    checked = 0
    for text, _ in drawn("who_acts", 500):
        for person, word in re.findall(r"(?<![QA]: )\b(\w\w+): (yes|no)(?= |$)", text):
            if person == "Answer":
                continue
            told = re.findall(rf"\b{person} ([^;,.]+)[;,.]", text)[0]
            assert (word == "no") == told.startswith(("does not", "doesn't")), text
            checked += 1
    assert checked > 50


def test_an_option_letter_belongs_to_its_value():
    entry = re.compile(r"\b([A-Z])(?:[)\].:>]| -) (\d+)\b(?!/)")
    links = " -->| is option| =|, so|, that is|, option| has"
    chosen = re.compile(rf"(?<!/)\b(\d+)(?:{links}) [(\[<]?([A-Z])\b")
    checked = 0
    for text, _ in drawn("options", 1500):
        # the first place of a value counts: "5 = A. 7 is option (B)" has another 7 after "A."
        listed = {value: letter for letter, value in reversed(entry.findall(text))}
        for value, letter in chosen.findall(text):
            assert listed[value] == letter, text
            checked += 1
    assert checked > 100


def test_a_row_is_read_out_in_its_order():
    checked = 0
    for text, _ in drawn("reading_out", 1000):
        row = re.match(r"\[([^]]*)\]", text)
        listed = re.findall(r"(?<!entry )\b\d[.):] (\w+)(?=[,;\n]|$)", text)
        if row and len(listed) > 1:
            assert re.split(r"; | and | / | ", row[1]) == listed, text
            checked += 1
    assert checked > 10


def test_the_same_seed_draws_the_same_text_and_another_seed_another():
    assert single_steps.episodes(5, "a", 0.5) == single_steps.episodes(5, "a", 0.5)
    assert single_steps.episodes(5, "a", 0.5) != single_steps.episodes(5, "b", 0.5)


def test_lists_are_short_at_first_and_long_later():
    def people(level):
        texts = [single_steps.episode("look_ups", Random(i), level)[0] for i in range(300)]
        return max(text.count(" owns the ") for text in texts)

    assert people(0.0) <= 3
    assert people(1.0) > 5


WORDS, STARTS = tiny_tokenizer.read_words()
SENTENCE_STARTS = {word.capitalize() for word in STARTS}
SLOTS = dict.fromkeys([*steps_words.ITEMS, *steps_words.PLURALS, *steps_words.PLACES], "noun")
SLOTS |= dict.fromkeys(steps_words.COLOURS, "colour")
SLOTS |= dict.fromkeys(steps_words.MONTHS + steps_words.WEEKDAYS, "month or weekday")


def slotted(word):
    if word.isdigit():
        return "number"
    is_name = word[0].isupper() and len(word) > 1 and word not in SENTENCE_STARTS
    return SLOTS.get(word, "name" if is_name else word)


def runs_of_eight(texts):
    split = [[slotted(word) for word in re.findall(r"\d+|\w+|[^\w\s]", text)] for text in texts]
    return {tuple(words[i : i + 8]) for words in split for i in range(len(words) - 7)}


RULE_MADE = [task for task in catalogue.TASKS.values() if task.rule_made]


@pytest.mark.parametrize("task", RULE_MADE, ids=lambda task: task.name)
def test_no_run_of_eight_words_occurs_in_the_evaluated_questions_or_rationales(task):
    questions = procedural.make_questions(task.name, 100, seed=0)
    rationales = scripted.write_rationales(questions, task=task, settings=TeacherSettings())
    evaluated = runs_of_eight(record.text for record in [*questions, *rationales])
    read = runs_of_eight(text for text, _ in single_steps.episodes(4000, "test", 1.0))
    assert len(evaluated) > 100
    assert not evaluated & read


@pytest.mark.parametrize("task", ["tracking_shuffled_objects", "last_letter_concatenation"])
def test_no_run_of_eight_words_occurs_in_the_published_questions(task, published_data):
    settings = QuestionSettings(
        task=task, source="mentor-kd", data_dir=str(published_data / "mentor-kd"), test=None
    )
    splits = recorded.read_recorded_questions(replace(settings, train=None))
    asked = runs_of_eight(question.text for question in [*splits.train, *splits.test])
    read = runs_of_eight(text for text, _ in single_steps.episodes(4000, "test", 1.0))
    assert len(asked) > 20
    assert not asked & read


def test_an_unknown_skill_is_refused():
    with pytest.raises(ValueError, match="the skills are equations"):
        single_steps.episode("juggling", Random(0))


# training


def test_the_tokens_of_an_answer_are_the_known_ones_and_the_end_is_not():
    ids, known = pretrain_batches.encode(single_steps.unmark("7 + 5 = «12». So «Ada»"), TOKENIZER)
    shown = TOKENIZER.convert_ids_to_tokens([i for i, k in zip(ids, known, strict=True) if k])
    assert [token.removeprefix("Ġ") for token in shown] == ["1", "2", "A", "d", "a"]
    assert ids[-1] == TOKENIZER.eos_token_id


def drawn_batch(seed):
    return pretrain_batches.batch(seed, (2, 64), progress=0.5, plain_share=0.1, tokenizer=TOKENIZER)


def test_a_batch_depends_on_its_seed_alone():
    first, again, other = drawn_batch("0/3"), drawn_batch("0/3"), drawn_batch("1/3")
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_the_loss_is_the_mean_over_scored_tokens_alone():
    torch.manual_seed(0)
    model = LlamaForCausalLM(tiny.config("student"))
    ids, scored = drawn_batch("0")
    logs = model(input_ids=ids).logits.log_softmax(-1)
    by_token = [
        -logs[row, place - 1, ids[row, place]].item()
        for row in range(ids.shape[0])
        for place in range(1, ids.shape[1])
        if scored[row, place]
    ]
    loss = pretrain.loss_of(model, model.model, ids, scored).item()
    assert loss == pytest.approx(sum(by_token) / len(by_token), rel=1e-5)


def test_every_parameter_belongs_to_one_optimizer_and_the_matrices_to_muon():
    model = LlamaForCausalLM(tiny.config("student"))
    muon, adamw = pretrain.make_optimizers(model, QUICK)
    counts = [sum(len(group["params"]) for group in o.param_groups) for o in (muon, adamw)]
    assert counts == [6 * 7, 1 + 6 * 2 + 1]  # q k v o gate up down; embedding, norms


def test_the_learning_rate_rises_and_falls_to_zero_in_straight_lines():
    shares = [pretrain.rate_factor(p, 0.1) for p in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert shares == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])


def stepped(run, n):
    for _ in range(n):
        pretrain.take_step(run, run.model.model, 0.5)


def test_a_run_resumed_equals_a_run_uninterrupted(tmp_path):
    whole = pretrain.start(QUICK, tmp_path / "none")
    stepped(whole, 3)
    first = pretrain.start(QUICK, tmp_path / "none")
    stepped(first, 1)
    pretrain_checkpoints.write(tmp_path, first.model, first.optimizers, first.position())
    torch.manual_seed(1)
    resumed = pretrain.start(QUICK, tmp_path)
    assert resumed.step == 1
    stepped(resumed, 2)
    for expected, got in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(expected, got)


def test_only_the_last_checkpoint_is_kept(tmp_path):
    run = pretrain.start(QUICK, tmp_path)
    for step in (1, 2):
        position = run.position() | {"step": step}
        pretrain_checkpoints.write(tmp_path, run.model, run.optimizers, position)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "position.json",
        "state-2.safetensors",
    ]


def test_a_damaged_checkpoint_is_refused_with_the_remedy(tmp_path):
    run = pretrain.start(QUICK, tmp_path)
    pretrain_checkpoints.write(tmp_path, run.model, run.optimizers, run.position())
    weights = tmp_path / "state-0.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=r"state-0\.safetensors.*remove its folder"):
        pretrain.start(QUICK, tmp_path)


def test_a_run_with_other_settings_is_not_gone_on_with(tmp_path):
    run = pretrain.start(QUICK, tmp_path)
    pretrain_checkpoints.write(tmp_path, run.model, run.optimizers, run.position())
    with pytest.raises(ValueError, match="other settings"):
        pretrain.start(replace(QUICK, seed=7), tmp_path)


def loud(size):
    torch.manual_seed(0)
    small = LlamaForCausalLM(tiny.config(size))
    for parameter in small.parameters():
        if parameter.ndim == 2:
            parameter.data.mul_(10)  # squares far above the norms' epsilon
    return small


@pytest.mark.parametrize(
    ("small_size", "size"), [("student", "middle"), ("student", "mentor"), ("middle", "mentor")]
)
def test_a_grown_base_computes_what_the_small_one_did(small_size, size):
    small = loud(small_size)
    large = growing.grow(small, tiny.config(size))
    ids, _ = drawn_batch("0")
    expected, got = small(input_ids=ids).logits, large(input_ids=ids).logits
    assert expected.abs().max() > 1
    torch.testing.assert_close(got, expected, atol=2e-3, rtol=0)


def test_what_a_grown_base_has_new_is_trained_too():
    large = growing.grow(loud("student"), tiny.config("mentor"))
    for number in range(3):  # what writes must leave zero before what reads before it can learn
        pretrain.loss_of(large, large.model, *drawn_batch(str(number))).backward()
        torch.optim.SGD(large.parameters(), lr=0.1).step()
    for name, parameter in large.named_parameters():
        assert parameter.grad is not None
        new = parameter.grad[..., -1] if parameter.ndim == 2 else parameter.grad[-1]
        assert new.norm() > 0, name


def test_a_base_does_not_shrink():
    large = LlamaForCausalLM(tiny.config("mentor"))
    with pytest.raises(ValueError, match="hidden_size must be 256 or more, got 128"):
        growing.grow(large, tiny.config("student"))


def test_a_run_that_ends_early_is_the_beginning_of_the_whole_one(tmp_path):
    settings = replace(QUICK, tokens=0.002, compile=False)
    for name, until in (("early", 0.5), ("whole", 1.0)):
        run = pretrain.start(replace(settings, until=until), tmp_path / name)
        pretrain.train(run, tmp_path / name)
        steps, rate = run.step, run.optimizers[0].param_groups[0]["lr"]
        if until < 1:
            assert (steps, run.progress) == (8, pytest.approx(0.512))
            assert rate > 0.5 * settings.muon_rate  # still high
            early = [curve[-1] for curve in run.curve]
    assert [curve[-1] for curve in run.curve][: len(early)] == early
    assert rate < 0.1 * settings.muon_rate


def test_without_the_seed_a_size_is_refused_with_the_remedy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        pretrain.main(["--size", "mentor", "--run", str(tmp_path)])
    assert "make it first (--size seed)" in capsys.readouterr().err


def test_the_seed_was_made_with_the_settings_of_the_bare_command():
    folder = Path(tiny.__file__).parents[2] / "data" / "results"
    record = json.loads((folder / "pretrain_seed.json").read_text(encoding="utf-8"))
    settings = pretrain.PretrainSettings(size="seed", **pretrain.SHIPPED["seed"])
    assert record["settings"] == asdict(settings)
    seed = AutoModelForCausalLM.from_pretrained(tiny.MODELS / "tiny-seed")
    assert seed.num_parameters() == record["parameters"]


def test_growing_from_a_base_that_there_is_not_is_refused(tmp_path):
    settings = replace(QUICK, size="mentor", grow_from=str(tmp_path / "huge"))
    with pytest.raises(ValueError, match="no such folder"):
        pretrain.start(settings, tmp_path / "run")


def test_a_base_with_another_vocabulary_does_not_grow():
    config = tiny.config("student")
    config.vocab_size += 1
    with pytest.raises(ValueError, match="keeps its vocab_size"):
        growing.grow(LlamaForCausalLM(config), tiny.config("mentor"))


def test_rows_longer_than_the_context_are_refused():
    with pytest.raises(ValueError, match="at most 768 tokens"):
        pretrain.PretrainSettings(last_row=2048)


class Knowing(torch.nn.Module):
    """Always right but about digits: the next token of the text, or 0 for every digit."""

    lm_head = staticmethod(lambda hidden: hidden)

    def model(self, input_ids, use_cache):
        following = input_ids.roll(-1, dims=1)
        zero, nine = TOKENIZER.convert_tokens_to_ids(["0", "9"])
        following[(following >= zero) & (following <= nine)] = zero
        hidden = torch.nn.functional.one_hot(following, len(TOKENIZER)).float()
        return BaseModelOutput(last_hidden_state=hidden)


def test_a_probe_is_exact_match_of_all_that_can_be_known():
    accuracy = pretrain_batches.probe(Knowing(), TOKENIZER, 20)
    assert accuracy["one_letter"] == accuracy["look_ups"] == accuracy["toggles"] == 100
    assert accuracy["equations"] < 20  # right only where the answer is 0


def test_a_base_that_has_read_on_keeps_the_record_of_what_it_read_before(tmp_path, monkeypatch):
    out, results = tmp_path / "data/models/tiny-student", tmp_path / "results"
    monkeypatch.chdir(tmp_path)
    command = ["--out", out, "--results", results, "--no-compile"]
    command += ["--tokens", "0.002", "--step-tokens", "256", "--probe-items", "2"]
    shapes = [["--grow-from", ""], ["--second-course"]]
    for number, more in enumerate(shapes):
        pretrain.main([str(part) for part in [*command, "--run", tmp_path / str(number), *more]])
    record = json.loads((results / "pretrain_student.json").read_text(encoding="utf-8"))
    assert record["settings"]["muon_rate"] == 0.002 < record["before"]["settings"]["muon_rate"]
    assert "model.safetensors" in record["made_from"]
    assert "before" not in record["before"]


def test_the_command_makes_a_base_that_loads_and_a_record(tmp_path):
    out, results = tmp_path / "base", tmp_path / "results"
    command = ["--run", tmp_path / "run", "--out", out, "--results", results, "--no-compile"]
    command += ["--tokens", "0.002", "--step-tokens", "256", "--probe-items", "2"]
    pretrain.main([str(part) for part in command])
    base = AutoModelForCausalLM.from_pretrained(out)
    assert base.dtype == torch.bfloat16
    record = json.loads((results / "pretrain_student.json").read_text(encoding="utf-8"))
    # rows of 128 and 256 tokens, two a step, and of 768 at the end
    assert 2000 <= record["tokens"] < 2000 + 2 * 768
    assert record["step"] >= 4
    assert record["probes"][-1]["share"] == 1.0


def test_no_name_and_no_thing_of_the_evaluated_questions_is_in_the_lists():
    published = {"Alice", "Bob", "Claire", "Dave", "Eve", "Fred", "Gertrude"}
    evaluated = {*names.NAMES, *names.SHORTEST_NAMES, *published}
    drawn_names = {steps_words.name(Random(seed)) for seed in range(20_000)}
    assert len(drawn_names) > 1000
    assert not evaluated & drawn_names
    things = {item for form in swaps.TEMPLATES.values() for item in form.items}
    assert not set(steps_words.ITEMS) & things


def test_a_base_with_other_layers_does_not_grow():
    config = tiny.config("mentor")
    config.num_hidden_layers += 1
    with pytest.raises(ValueError, match="keeps its num_hidden_layers"):
        growing.grow(LlamaForCausalLM(tiny.config("student")), config)
