"""What a plan says is what a run takes: bytes counted from real tensors, and from the allocator."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from bases import FAMILIES, SAVE
from torch.profiler import ProfilerActivity, profile
from transformers import Gemma2Config, Qwen2Config

from mkdkit.__main__ import main
from mkdkit.models import encoding, footprint, loading, sampling
from mkdkit.models.rows import Row
from mkdkit.pipeline import plan_table, planning, probe, recipes
from mkdkit.settings import (
    QuestionSettings,
    SamplingSettings,
    SoftLabelSettings,
    StudentSettings,
    TeacherSettings,
    TrainingSettings,
    changed,
)
from mkdkit.training import (
    batches,
    checkpoints,
    chunks,
    label_store,
    loop,
    optimizers,
    rehearsal,
    soft_labels,
)

CPU = torch.device("cpu")
CUDA = torch.device("cuda")  # to plan for; none need be here
WIDTH, TOKENS = 256, 60  # wide enough for activations to outweigh what every step has
ROWS = [Row((300 + i,) * TOKENS, (*(310 + i,) * (TOKENS - 1), 1)) for i in range(8)]


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("wide")
    return {family: save(folder / family, width=WIDTH) for family, save in SAVE.items()}


@pytest.fixture(params=FAMILIES)
def base(request, wide):
    return wide[request.param]


def bytes_of(tensors) -> int:
    return sum(one.numel() * one.element_size() for one in tensors)


def tensors_in(state) -> list[torch.Tensor]:
    """All tensors of a quantised weight's state, whatever its fields are called."""
    values = vars(state).values()
    inner = [one for value in values if hasattr(value, "absmax") for one in tensors_in(value)]
    return [value for value in values if isinstance(value, torch.Tensor)] + inner


def held_bytes(model) -> int:
    scales = [
        tensor
        for weight in model.parameters()
        if hasattr(weight, "quant_state")
        for tensor in tensors_in(weight.quant_state)
    ]
    return bytes_of([*model.parameters(), *model.buffers(), *scales])


def most_allocated(run: Callable[[], Any]) -> int:
    """The bytes that the CPU's allocator had given out at their highest, beyond those before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        run()
    live = highest = 0
    for event in watched.profiler.kineto_results.events():
        if event.name() == "[memory]":
            live += event.nbytes()
            highest = max(highest, live)
    return highest


@pytest.mark.parametrize("optimizer", ["adamw", "paged_adamw_8bit"])
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_counted_parts_are_the_bytes_of_the_tensors_that_training_has(base, method, optimizer):
    settings = TrainingSettings(method=method, lora_rank=32, precision="fp32", optimizer=optimizer)
    _, planned = footprint.hold(base, settings, CPU, to_train=True)
    model = loading.load_trainable(base, settings).train()
    adamw = optimizers.make_optimizer(model, settings)
    chunks.batch_loss(model, ROWS[:1], loop.hard_labels, fill=0, precision="fp32").backward()
    adamw.step()

    trained = [weight for weight in model.parameters() if weight.requires_grad]
    states = [one for state in adamw.state.values() for one in state.values()]
    # 8-bit moments of all weights share their tables, and count steps without a tensor
    moments = {id(one): one for one in states if isinstance(one, torch.Tensor)}.values()
    assert planned.weights + planned.adapter == held_bytes(model)
    assert planned.adapter == (0 if method == "full" else bytes_of(trained))
    assert planned.gradients == bytes_of(weight.grad for weight in trained)
    assert planned.optimiser == bytes_of(moments)
    assert (planned.trained, planned.parameters) == loading.count_parameters(model)


@pytest.mark.parametrize("name", ["tiny-student", "tiny-mentor"])
def test_shipped_bases_have_the_parameters_that_their_configs_say(name):
    _, planned = footprint.hold(name, TrainingSettings(), CPU, to_train=True)
    assert planned.parameters == loading.count_parameters(loading.load_base(name))[1]


# parameters as Google's checkpoints have them, and GB in 4 bits as measured with bitsandbytes
FLAN_T5 = {
    "base": (247_577_856, None),
    "large": (783_150_080, None),
    "xl": (2_849_757_184, 2.41),
    "xxl": (11_135_332_352, 9.12),
}


@pytest.mark.parametrize("size", FLAN_T5)
def test_flan_t5_has_its_published_parameters_and_an_output_layer_of_its_own(published_data, size):
    base = str(published_data / "tokenizers" / f"flan-t5-{size}")
    parameters, gigabytes = FLAN_T5[size]
    settings = TrainingSettings(method="qlora", lora_rank=8)
    model, planned = footprint.hold(base, settings, CUDA, to_train=True)
    assert planned.parameters - planned.trained == parameters
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    assert head.weight is not embedding.weight
    if gigabytes:
        assert planned.weights / 1e9 == pytest.approx(gigabytes, abs=0.005)


def test_a_temperature_that_no_soft_labels_are_stored_for_is_no_plan():
    recipe = recipes.make("tiny")
    cold = replace(recipe, student=replace(recipe.student, kd_temperature=2.5))
    with pytest.raises(ValueError, match=r"stored for the temperatures .* got 2\.5"):
        next(planning.plan(cold, CPU))


FAST = loading.fast_precision()
TRAININGS: dict[str, dict[str, Any]] = {
    "full": {"precision": "fp32"},
    "full, checkpointed": {"precision": "fp32", "gradient_checkpointing": True},
    "soft labels, two batches a step": {"kd_weight": 0.3, "accumulation_steps": 2},
    "reverse KL": {"kd_weight": 0.3, "divergence": "reverse"},
    "Jensen-Shannon": {"kd_weight": 0.3, "divergence": "jensen-shannon"},
    "full, in parts": {"precision": "fp32", "max_batch_tokens": 3 * 2 * TOKENS},
    "lora": {"method": "lora", "precision": "fp32"},
    # in what this machine is fast in, as "auto" comes to
    "qlora": {"method": "qlora", "precision": FAST},
    "qlora, checkpointed": {"method": "qlora", "precision": FAST, "gradient_checkpointing": True},
}


@pytest.mark.parametrize("changes", TRAININGS.values(), ids=TRAININGS)
def test_a_rehearsed_step_holds_what_a_real_step_is_given_by_the_allocator(base, changes):
    settings = StudentSettings(**{"kd_weight": 0.0, "precision": "bf16", **changes})
    planned, _ = footprint.hold(base, settings, CPU, to_train=True)
    found = rehearsal.training_step(planned, settings, ROWS[0], CPU, top_k=16)

    model = loading.load_trainable(base, settings).train()
    loss_of = loop.distillation(rehearsal._Unsaid(16), settings)

    def step():
        parts = list(batches.split(ROWS, settings.max_batch_tokens))
        for rows in parts * settings.accumulation_steps:
            loss = chunks.batch_loss(model, rows, loss_of, fill=0, precision=settings.precision)
            loss.backward()
            del loss

    # rows of one length need no mask, and a rehearsal has one: that is most of the difference
    assert found.peak == pytest.approx(most_allocated(step), rel=0.06)
    assert found.activations + found.logits <= found.peak


def test_activations_are_what_autograd_saves(base):
    settings = TrainingSettings(precision="fp32")
    planned, _ = footprint.hold(base, settings, CPU, to_train=True)
    found = rehearsal.training_step(planned, settings, ROWS[0], CPU)

    model = loading.load_trainable(base, settings).train()
    weights = {one.untyped_storage().data_ptr() for one in model.parameters()}
    saved: dict[int, int] = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = encoding.collate(ROWS, fill=0, model=model)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        made = encoding.run_before_head(model, batch, lambda rows: rows[:1])
    assert made[0].requires_grad  # and so are kept until here
    assert found.activations == pytest.approx(sum(saved.values()), rel=0.06)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_soft_labels_are_rehearsed_to_the_byte_or_nearly(base, method, precision):
    settings = TrainingSettings(method=method)
    labels = SoftLabelSettings(top_k=16, batch_size=len(ROWS), precision=precision)
    planned, _ = footprint.hold(base, settings, CPU, to_train=False)
    found = rehearsal.soft_label_step(planned, labels, ROWS[0], CPU)
    model = in_use(base, settings)
    soft_labels.speak(model, ROWS, labels, fill=0)  # 4-bit weights are packed when first used
    real = most_allocated(lambda: soft_labels.speak(model, ROWS, labels, fill=0))
    assert found.peak == pytest.approx(real, rel=0.02)


def in_use(base, settings):
    """A base with its adapter as a trained model is held."""
    is_4bit = settings.method == "qlora"
    dtype = loading.dtype_beside_4bit(loading.device()) if is_4bit else torch.float32
    model = loading.load_base(base, quantization="nf4" if is_4bit else None, dtype=dtype)
    model = model if settings.method == "full" else loading.add_lora(model, settings)
    return model.eval().requires_grad_(False)


class Endless:
    """A tokenizer whose end no model writes, so that every row is as long as it may be."""

    eos_token_id, pad_token_id, name_or_path = 10**9, 0, ""

    def decode(self, ids, **options):
        return ""


@pytest.mark.parametrize(
    ("method", "degree", "prompt", "written"),
    # in 4 bits long prompts alone: a CPU copies matrices within its kernels for bf16
    [("full", 3, 40, 40), ("full", 1, 160, 8), ("lora", 3, 40, 40), ("qlora", 1, 160, 8)],
)
def test_writing_is_rehearsed_to_its_last_token(base, method, degree, prompt, written):
    settings = TrainingSettings(method=method)
    asked = SamplingSettings(degree=degree, max_new_tokens=written, batch_size=8)
    planned, _ = footprint.hold(base, settings, CPU, to_train=False)
    found = rehearsal.writing_step(planned, asked, prompt, CPU)
    model, prompts, names = in_use(base, settings), [(300,) * prompt] * 8, list("abcdefgh")

    def write():
        return list(sampling.write_samples(model, Endless(), prompts, names, asked))

    write()  # 4-bit weights are packed anew when first used on a CPU
    assert found.peak == pytest.approx(
        most_allocated(write), rel=0.1 if method == "qlora" else 0.05
    )


def test_attention_is_the_same_work_however_it_is_done(wide):
    settings, row, found = TrainingSettings(precision="fp32"), rehearsal.row_of(200, 200), {}
    for way in ("sdpa", "eager"):
        model, _ = footprint.hold(wide["causal"], settings, CPU, to_train=True)
        model.set_attn_implementation(way)
        found[way] = rehearsal.training_step(model, settings, row, CPU).flop
    # going back, the fused one does a product again that the plain one kept: 5 for 4
    assert found["eager"] < found["sdpa"] < 1.25 * found["eager"]


def test_a_batch_is_no_larger_than_the_questions_there_are(wide):
    recipe = small_recipe(wide["causal"])
    recipe = replace(recipe, sampling=replace(recipe.sampling, batch_size=64, degree=2))
    stages = {one.name: one for one in planning.plan(recipe, CPU)}
    writing, questions = stages["mentor: writing"], recipe.questions.train
    row = planning.longest_row(recipe.mentor, None, None)
    assert writing.steps == 1
    # a prompt is read once, whatever the degree
    written = 2 * recipe.sampling.max_new_tokens
    assert writing.tokens == questions * (len(row.prompt) + written)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["--task", "svamp"], "cannot be made by rule"),
        (["--source", "mcc-kd", "--task", "coin_flip"], "mcc-kd has the tasks"),
    ],
)
def test_what_cannot_run_is_not_planned(capsys, command, message):
    assert main(["plan", *command]) == 2
    assert message in capsys.readouterr().err


def test_a_part_of_a_number_is_no_batch(tmp_path, capsys):
    path = tmp_path / "settings.json"
    path.write_text('{"student": {"batch_size": 8.5}}')
    assert main(["plan", "--settings", str(path)]) == 2
    assert "student.batch_size must be a whole number, got 8.5" in capsys.readouterr().err


def test_the_work_of_a_step_is_six_operations_a_parameter_and_token(wide):
    base, settings = wide["causal"], TrainingSettings(precision="fp32")
    model, held = footprint.hold(base, settings, CPU, to_train=True)
    found = rehearsal.training_step(model, settings, Row((0,) * 4, (0,) * 60), CPU)
    tokens = settings.batch_size * 64
    # attention's own products come on top; of the tied embedding all but one token in 64 is scored
    attention = 6 * 2 * 2 * 64 * WIDTH * tokens
    assert found.flop == pytest.approx(6 * held.parameters * tokens + attention, rel=0.08)


def test_checkpointing_trades_memory_for_work_and_cuda_keeps_no_probabilities(wide):
    row, found = rehearsal.row_of(100, 100), {}
    for where in (CPU, CUDA):
        for again in (False, True):
            settings = TrainingSettings(precision="bf16", gradient_checkpointing=again)
            model, _ = footprint.hold(wide["encoder-decoder"], settings, where, to_train=True)
            if where is CPU:  # as on processors that are fast in bf16, whichever this one is
                model.set_attn_implementation("eager")
            found[where.type, again] = rehearsal.training_step(model, settings, row, where)
    assert found["cuda", False].activations < found["cpu", False].activations
    for where in ("cpu", "cuda"):
        assert found[where, True].activations < found[where, False].activations / 2
        assert found[where, True].flop > 1.2 * found[where, False].flop
    assert found["cuda", True].flop == pytest.approx(found["cpu", True].flop, rel=0.1)


def test_logits_that_a_model_caps_are_planned_all_at_once(tmp_path):
    """`chunks` cannot take them in parts, and finds out from numbers, which a rehearsal lacks."""
    shape = {
        "vocab_size": 100_000, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    }  # fmt: skip
    found = {}
    for name, config in (("plain", Qwen2Config(**shape)), ("capped", Gemma2Config(**shape))):
        config.save_pretrained(tmp_path / name)
        settings = TrainingSettings(precision="fp32", batch_size=16)
        model, _ = footprint.hold(str(tmp_path / name), settings, CPU, to_train=True)
        found[name] = rehearsal.training_step(model, settings, ROWS[0], CPU).logits
    logits_and_gradients = 2 * 4 * 16 * TOKENS * 100_000
    assert found["plain"] < logits_and_gradients < found["capped"]


def test_what_lives_before_the_output_layer_is_the_same_for_any_vocabulary(tmp_path):
    """That of a large one is asked first whether it is taken in parts, by a step of one row."""
    shape = {
        "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
    }  # fmt: skip
    settings, found = TrainingSettings(precision="fp32", batch_size=16), []
    for size in (1_000, 200_000):
        base = str(tmp_path / str(size))
        Qwen2Config(vocab_size=size, **shape).save_pretrained(base)
        model, _ = footprint.hold(base, settings, CPU, to_train=True)
        found.append(rehearsal.training_step(model, settings, ROWS[0], CPU))
    assert 16 * TOKENS * 200_000 > chunks.MOST_LOGITS > 16 * TOKENS * 1_000
    assert found[0].activations > 0
    assert found[1].activations == pytest.approx(found[0].activations, rel=0.01)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("method", ["full", "qlora"])
def test_a_device_gives_out_what_was_rehearsed_for_it(base, method):
    settings = TrainingSettings(method=method, precision="bf16", batch_size=64)
    rows = ROWS * 8
    planned, held = footprint.hold(base, settings, CUDA, to_train=True)
    found = rehearsal.training_step(planned, settings, ROWS[0], CUDA)
    model = loading.load_trainable(base, settings).train()
    torch.cuda.reset_peak_memory_stats()
    chunks.batch_loss(model, rows, loop.hard_labels, fill=0, precision="bf16").backward()
    real = torch.cuda.max_memory_allocated()
    assert held.weights + held.adapter + found.peak == pytest.approx(real, rel=0.15)


def test_a_stores_bytes_are_known_before_it_is_written(base, tmp_path):
    model = loading.load_base(base)
    rows = [Row((300 + i, 301), (*range(310, 330 + i), 1)) for i in range(40)]
    settings = SoftLabelSettings(top_k=64, batch_size=4)
    for _ in label_store.write_store(tmp_path, model, rows, settings, fill=0, identity={}):
        pass
    real = sum(path.stat().st_size for path in tmp_path.iterdir())
    tokens = sum(len(row.label) for row in rows)
    planned = tokens * label_store.bytes_a_token(64, model.config.vocab_size)
    assert planned == pytest.approx(real, rel=0.03)


@pytest.mark.parametrize("optimizer", ["adamw", "paged_adamw_8bit"])
def test_checkpoints_and_saved_models_are_as_large_as_planned(base, tmp_path, optimizer):
    recipe = small_recipe(base)
    changes = {"mentor": {"optimizer": optimizer}, "student": {"optimizer": optimizer}}
    recipe = changed(recipe, changes)
    planned = next(planning.plan(recipe, CPU))
    settings = replace(recipe.student, max_steps=2, validations=2, checkpoint_seconds=0)
    model = loading.load_trainable(base, settings)
    steps = loop.train(
        model, ROWS, loop.hard_labels, settings, fill=0, folder=tmp_path, validate=lambda _: 1.0
    )
    list(steps)
    real = sum(path.stat().st_size for path in (tmp_path / checkpoints.FOLDER).iterdir())
    # in a file, every tensor in 8 bits has a table of its own: 2 KiB beside its moments
    assert planned.disk == pytest.approx(2 * real, rel=0.02 if optimizer == "adamw" else 0.08)
    loading.save(model, loading.load_tokenizer(base), tmp_path / "m", base=base, method="full")
    saved = (tmp_path / "m" / "model.safetensors").stat().st_size
    assert planned.kept == pytest.approx(saved, rel=0.02)


def small_recipe(base):
    recipe = recipes.with_bases(recipes.smoke(), mentor=base, student=base)
    brief = {"batch_size": 2, "max_tokens": 32}
    return replace(
        recipe,
        teacher=TeacherSettings(),  # three rationales a question
        mentor=replace(recipe.mentor, **brief),
        student=replace(recipe.student, **brief),
        sampling=replace(recipe.sampling, batch_size=2),
        scoring=replace(recipe.scoring, batch_size=2),
    )


def test_steps_are_counted_as_if_every_rationale_were_kept(wide):
    recipe = small_recipe(wide["causal"])
    recipe = replace(
        recipe,
        mentor=replace(recipe.mentor, max_steps=None, epochs=3),
        student=replace(recipe.student, max_steps=None, epochs=2),
        sampling=replace(recipe.sampling, degree=5),
        mentor_filter=replace(recipe.mentor_filter, max_per_question=4),
    )
    stages = list(planning.plan(recipe, CPU, prompt=20, completion=10))
    found = {one.name: one for one in stages}
    questions, taught, written = 12, 12 * 3, 12 * 4
    assert found["mentor: training"].steps == 3 * taught / 2
    assert found["mentor: training"].tokens == 2 * 30
    assert found["mentor: writing"].steps == questions / 2
    assert found["mentor: soft labels"].steps == math.ceil((taught + written) / 8)
    assert found["student: training"].steps == 2 * (taught + written) / 2
    assert found["student: test"].steps == 8 / 2

    assert plan_table.highest_peak(stages) == max(one.peak for one in stages)
    before = found["mentor: training"].kept + found["mentor: soft labels"].kept
    assert plan_table.highest_disk(stages) == before + found["student: training"].disk


def test_stages_that_a_recipe_leaves_out_are_not_planned(wide):
    recipe = small_recipe(wide["causal"])
    recipe = replace(
        recipe,
        augmentation="recorded",
        student=replace(recipe.student, kd_weight=0.0, validations=0),
    )
    names = [one.name for one in planning.plan(recipe, CPU)]
    assert names == ["student: training", "student: test"]  # nobody asks for the mentor
    with_labels = replace(recipe, student=replace(recipe.student, kd_weight=0.5))
    names = [one.name for one in planning.plan(with_labels, CPU)]
    assert names[:3] == ["mentor: training", "mentor: validation", "mentor: soft labels"]


def test_recorded_questions_are_counted_where_they_are(published_data, tmp_path):
    asked = QuestionSettings(task="svamp", source="mentor-kd", train=None, test=None)
    here = replace(asked, data_dir=str(published_data / "mentor-kd"))
    assert planning.count_questions(here) == (600, 150)  # 100 of 700 are kept for validation
    assert planning.count_questions(replace(asked, data_dir=str(tmp_path))) == (None, None)
    copied = replace(here, task="tracking_shuffled_objects", renamed_copies=7)
    assert planning.count_questions(copied) == (8 * 425, 225)
    (tmp_path / "mine.jsonl").write_text(
        "".join(json.dumps({"text": f"{i}?", "answer": str(i)}) + "\n" for i in range(200))
    )
    mine = replace(asked, source="jsonl", data_dir=str(tmp_path / "mine.jsonl"), validation=10)
    train, test = planning.count_questions(mine)
    assert train + test + 10 == 200
    with pytest.raises(ValueError, match="mcc-kd has the tasks"):
        planning.count_questions(replace(asked, source="mcc-kd", task="coin_flip"))


def test_what_nobody_counted_is_unknown_and_not_nothing(wide):
    recipe = small_recipe(wide["causal"])
    recipe = replace(recipe, questions=replace(recipe.questions, train=None))
    stages = list(planning.plan(recipe, CPU))
    assert plan_table.highest_disk(stages) is None
    printed = list(plan_table.lines(stages, CPU))
    assert any(line.startswith("disk: unknown") for line in printed)
    assert not any(line.startswith("fits") for line in printed)


def test_a_longest_row_leaves_to_one_part_what_the_other_does_not_take():
    settings = TrainingSettings(max_tokens=100)
    shapes = [
        planning.longest_row(settings, *given)
        for given in ((None, None), (30, None), (None, 30), (20, 10))
    ]
    assert [(len(row.prompt), len(row.label)) for row in shapes] == [
        (50, 50), (30, 70), (70, 30), (20, 10),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="together at most max_tokens, 100, got 90 and 20"):
        planning.longest_row(settings, 90, 20)


def test_a_machine_is_measured_in_the_shapes_it_is_given(monkeypatch):
    monkeypatch.setattr(probe, "PROBE_SECONDS", 0.01)
    one_row = probe.matmul_rate(1, 512, torch.float32, CPU)
    many = probe.matmul_rate(256, 512, torch.float32, CPU)
    assert 0 < one_row < many


def test_plan_prints_every_stage_of_profile_gpu_without_a_gpu(capsys, wide, tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    only_config = tmp_path / "config-alone"
    only_config.mkdir()
    text = (Path(wide["encoder-decoder"]) / "config.json").read_text()
    (only_config / "config.json").write_text(text)
    command = ["plan", "--profile", "gpu", "--task", "coin_flip", "--teraflops", "100"]
    command += ["--mentor-base", str(only_config), "--student-base", str(only_config)]
    assert main([*command, "--prompt-tokens", "16", "--completion-tokens", "16"]) == 0
    printed = capsys.readouterr().out
    for word in ("mentor: training", "mentor: validation", "mentor: writing", "student: test"):
        # its memory, its work, and a training's parameters
        assert printed.count(word) == (3 if "training" in word else 2)
    for word in ("counted:", "rehearsed", "100 TFLOP/s, given", "GiB"):
        assert word in printed
    row = next(line for line in printed.splitlines() if line.startswith("mentor: training"))
    *parts, peak, disk, kept = map(float, row.split()[2:])
    assert max(parts) <= peak
    assert disk > kept > 0


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no such folder"),
        ({"model_type": "foo"}, "model type `foo`"),
        ({}, "Should have a `model_type` key"),
        ({"model_type": "vit"}, "Unrecognized configuration class"),
        ("{", "not a valid JSON file"),
    ],
)
def test_a_base_that_cannot_be_planned_is_refused_in_one_line(capsys, tmp_path, config, message):
    folder = tmp_path / "base"
    if config is not None:
        folder.mkdir()
        text = config if isinstance(config, str) else json.dumps(config)
        (folder / "config.json").write_text(text)
    assert main(["plan", "--profile", "smoke", "--mentor-base", str(folder)]) == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith("mkdkit: ")
    assert str(folder) in line
    assert message in line
    assert len(line) < 400
