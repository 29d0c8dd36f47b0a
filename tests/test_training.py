"""The loop, its checkpoints, and what is trained by full fine-tuning, LoRA and QLoRA."""

import math
from dataclasses import replace

import pytest
import torch
from bases import FAMILIES, save_t5

from mkdkit import events
from mkdkit.models import encoding, loading, sampling
from mkdkit.models.rows import Row
from mkdkit.settings import StudentSettings, TrainingSettings
from mkdkit.training import batches, checkpoints, loop, optimizers

ROWS = [
    Row(prompt=(300 + i, 301, 302), label=(*range(310, 311 + i % 4), 320 + i, 1)) for i in range(12)
]
SETTINGS = TrainingSettings(
    learning_rate=3e-3, batch_size=4, epochs=4, precision="fp32", checkpoint_seconds=0
)


def weights_of(model):
    return torch.cat([value.flatten() for value in checkpoints.trainable(model).values()])


def train(base, settings=SETTINGS, rows=ROWS, **options):
    model = loading.load_trainable(base, settings)
    return model, list(loop.train(model, rows, loop.hard_labels, settings, fill=0, **options))


@pytest.fixture(params=FAMILIES)
def base(request, bases):
    return bases[request.param]


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_every_method_learns_in_both_families(base, method):
    settings = replace(SETTINGS, method=method, epochs=20, learning_rate=1e-2)
    _, steps = train(base, settings)
    assert steps[-1].loss < 0.8 * steps[0].loss


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_what_was_trained_is_saved_and_loads_the_same(base, method, tmp_path):
    settings = replace(SETTINGS, method=method, max_steps=3)
    model, _ = train(base, settings)
    tokenizer = loading.load_tokenizer(base)
    loading.save(model, tokenizer, tmp_path, base=base, method=method)
    batch = encoding.collate(ROWS[:3], fill=0, model=model)
    with torch.no_grad():
        before, _ = encoding.predict_scored(model.eval(), batch)
        after, _ = encoding.predict_scored(loading.load_trained(tmp_path), batch)
    assert torch.allclose(before.float(), after.float(), atol=1e-4)
    assert (tmp_path / "adapter_config.json").is_file() == (method != "full")
    kinds = {path.suffix for path in tmp_path.rglob("*")}
    assert not kinds & {".bin", ".pkl", ".pt", ".pth"}


def test_lora_trains_a_small_share_and_leaves_the_base_alone(base):
    settings = replace(SETTINGS, method="lora", lora_rank=2, max_steps=3)
    fresh = loading.load_base(base)
    model, _ = train(base, settings)
    trainable, total = loading.count_parameters(model)
    assert 0 < trainable < 0.1 * total
    frozen = {
        name.replace("base_model.model.", "").replace(".base_layer", ""): value
        for name, value in model.named_parameters()
        if not value.requires_grad
    }
    for name, value in fresh.named_parameters():
        assert torch.equal(frozen[name], value), name


def test_nf4_holds_linear_weights_in_half_a_byte_each(base):
    model = loading.load_base(base, quantization="nf4")
    quantised = [weight for weight in model.parameters() if hasattr(weight, "quant_state")]
    assert quantised
    for weight in quantised:
        assert weight.numel() * weight.element_size() == weight.quant_state.shape.numel() / 2


def test_memory_by_part_is_counted_from_the_tensors(base):
    settings = replace(SETTINGS, method="qlora", lora_rank=2)
    model = loading.load_trainable(base, settings)
    parts = loading.bytes_by_part(model)
    trainable, total = loading.count_parameters(model)
    assert parts["trained weights"] == 4 * trainable
    assert parts["optimiser"] == 8 * trainable
    beside = loading.dtype_beside_4bit(loading.device()).itemsize
    linear = sum(
        weight.quant_state.shape.numel()
        for weight in model.parameters()
        if hasattr(weight, "quant_state")
    )
    in_4bit = parts["frozen weights"] - beside * (total - trainable - linear)
    assert 4 < 8 * in_4bit / linear < 6  # four bits a weight, and the blocks' own scales


def test_next_takes_exactly_one_step(base):
    model = loading.load_trainable(base, SETTINGS)
    steps = loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0)
    before = weights_of(model)
    first = next(steps)
    after = weights_of(model)
    assert first.number == 1
    assert not torch.equal(before, after)
    assert not torch.is_autocast_enabled("cpu")
    assert torch.is_grad_enabled()
    assert first.epoch == pytest.approx(1 / 3)


def test_a_run_resumed_equals_a_run_uninterrupted(tmp_path):
    base = save_t5(tmp_path / "base", dropout=0.1)  # dropout: random draws must come again too
    whole, expected = train(base)
    model = loading.load_trainable(base, SETTINGS)
    steps = loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0, folder=tmp_path)
    first = [next(steps) for _ in range(5)]
    steps.close()  # and the process with it: what follows starts from the files alone
    torch.rand(7)
    assert checkpoints.count_steps(tmp_path) == 4
    resumed, rest = train(base, folder=tmp_path)
    # killed right after its fifth step was told of: the fifth is taken again, and no step is lost
    assert [step.number for step in rest] == list(range(5, 13))
    assert [step.loss for step in first[:4] + rest] == [step.loss for step in expected]
    assert rest[0].loss == first[4].loss
    assert torch.equal(weights_of(whole), weights_of(resumed))


def test_moments_in_8_bits_of_small_tensors_are_adamws_own(bases):
    """Tensors below 4,096 weights keep float32 moments: both must take the same steps."""

    def stepped(optimizer):
        torch.manual_seed(0)
        layer = torch.nn.Linear(30, 20)
        settings = TrainingSettings(optimizer=optimizer, learning_rate=1e-2, weight_decay=0.1)
        adamw = optimizers.make_optimizer(layer, settings)
        for number in range(5):
            torch.manual_seed(number)
            layer(torch.randn(4, 30)).square().sum().backward()
            adamw.step()
            adamw.zero_grad()
        return torch.cat([layer.weight.flatten(), layer.bias])

    assert torch.allclose(stepped("adamw"), stepped("paged_adamw_8bit"), atol=1e-6)


@pytest.mark.parametrize("method", ["full", "qlora"])
def test_moments_in_8_bits_learn_and_are_resumed_exactly(bases, tmp_path, method):
    settings = replace(SETTINGS, method=method, optimizer="paged_adamw_8bit", lora_rank=64)
    whole, steps = train(bases["causal"], settings)
    assert steps[-1].loss < 0.9 * steps[0].loss
    model = loading.load_trainable(bases["causal"], settings)
    running = loop.train(model, ROWS, loop.hard_labels, settings, fill=0, folder=tmp_path)
    for _ in range(4):
        next(running)
    running.close()
    resumed, rest = train(bases["causal"], settings, folder=tmp_path)
    assert rest[0].number == 4  # the checkpoint of a step is written when the next is asked for
    assert torch.equal(weights_of(whole), weights_of(resumed))


def test_a_half_written_checkpoint_is_not_used(tmp_path, base):
    whole, _ = train(base)
    (tmp_path / "checkpoint.part").mkdir()
    (tmp_path / "checkpoint.part" / "weights.safetensors").write_bytes(b"half")
    again, steps = train(base, folder=tmp_path)
    assert len(steps) == 12
    assert torch.equal(weights_of(whole), weights_of(again))


def test_a_checkpoint_that_was_half_deleted_gives_way_to_the_new_one(tmp_path, base):
    whole, _ = train(base)
    model = loading.load_trainable(base, SETTINGS)
    running = loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0, folder=tmp_path)
    for _ in range(5):
        next(running)
    running.close()
    # as a kill at the end of `save` leaves it: the new one whole, of the old one the state alone
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.part")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "state.json").write_text('{"step": 1, "best_score": null}')
    again, steps = train(base, folder=tmp_path)
    assert steps[0].number == 5
    assert torch.equal(weights_of(whole), weights_of(again))


def test_the_kept_weights_are_those_of_the_best_validation(base):
    seen = []

    def validate(model):
        seen.append((weights_of(model).clone(), [10.0, 40.0, 40.0, 30.0][len(seen)]))
        return seen[-1][1]

    model, steps = train(base, replace(SETTINGS, validations=4), validate=validate)
    assert [s.number for s in steps if s.validation is not None] == [3, 6, 9, 12]
    assert torch.equal(weights_of(model), seen[2][0])  # the later of two equal ones
    assert not torch.equal(weights_of(model), seen[3][0])


def test_with_keep_last_validation_only_looks(base):
    plain, _ = train(base)
    watched, _ = train(base, replace(SETTINGS, keep="last"), validate=lambda model: -1.0)
    assert torch.equal(weights_of(plain), weights_of(watched))


def test_lambda_zero_is_exactly_plain_fine_tuning():
    assert loop.distillation(None, StudentSettings(kd_weight=0.0)) is loop.hard_labels
    with pytest.raises(ValueError, match="the student needs soft labels"):
        loop.distillation(None, StudentSettings(kd_weight=0.3))


def test_learning_rates_by_hand():
    settings = TrainingSettings(learning_rate=1.0, warmup_share=0.2, schedule="linear")
    rates = [loop.learning_rate_at(number, 10, settings) for number in range(1, 11)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    cosine = replace(settings, schedule="cosine", warmup_share=0.0)
    assert loop.learning_rate_at(6, 10, cosine) == pytest.approx(0.5)
    constant = replace(settings, schedule="constant", warmup_share=0.0)
    assert {loop.learning_rate_at(n, 10, constant) for n in range(1, 11)} == {1.0}


def test_every_epoch_uses_every_row_once_and_accumulation_groups_batches():
    settings = TrainingSettings(batch_size=5, accumulation_steps=2, epochs=3)
    plan = batches.Plan([3] * 23, settings)
    assert len(plan) == batches.count_steps(23, settings) == 3 * 3  # 5 batches: steps of 2, 2, 1
    for epoch in range(3):
        rows = [r for step in plan[3 * epoch : 3 * epoch + 3] for batch in step for r in batch]
        assert sorted(rows) == list(range(23))


def test_a_loss_that_is_not_finite_stops_with_step_and_rows(base):
    model = loading.load_trainable(base, SETTINGS)

    def loss_of(logits, labels, rows):
        return logits.sum() * math.nan

    before = weights_of(model)
    with pytest.raises(FloatingPointError, match=r"step 1: loss nan.*rows \[\["):
        next(loop.train(model, ROWS, loss_of, SETTINGS, fill=0))
    assert torch.equal(before, weights_of(model))


def test_nothing_to_train_on_is_an_error(base):
    model = loading.load_trainable(base, SETTINGS)
    with pytest.raises(ValueError, match="the filter kept no rationale"):
        next(loop.train(model, [], loop.hard_labels, SETTINGS, fill=0))


def test_a_trained_model_writes_what_it_learnt(bases):
    """End to end: two prompts, two completions, learnt by heart and written again."""
    base = bases["causal"]
    tokenizer = loading.load_tokenizer(base)
    pairs = [("What is red?", "The rose. --> rose"), ("What is blue?", "The sky. --> sky")]
    rows = [encoding.encode_row(tokenizer, *pair, "causal") for pair in pairs]
    settings = replace(SETTINGS, epochs=60, batch_size=2)
    model, _ = train(base, settings, rows=rows)
    prompts = [row.prompt for row in rows]
    batches = sampling.write_greedy(
        model.eval(), tokenizer, prompts, max_new_tokens=30, batch_size=2
    )
    written = {one.prompt: one for batch in batches for one in batch}
    assert [written[i].text for i in range(2)] == [completion for _, completion in pairs]
    assert all(one.is_complete for one in written.values())


class Paging(torch.optim.SGD):
    """Gives a moment its room itself, as bitsandbytes does where moments are paged out."""

    def get_state_buffer(self, weight, dtype):
        room = torch.zeros_like(weight, dtype=dtype)
        room.is_paged = True
        return room


def test_moments_that_were_paged_out_are_so_again_after_a_checkpoint():
    weight = torch.nn.Parameter(torch.zeros(4, 3))
    before, after = (Paging([weight], lr=1.0) for _ in range(2))
    values = torch.arange(12, dtype=torch.uint8).view(4, 3)
    before.state[weight] = {"step": 3, "state1": values, "absmax1": torch.ones(2)}
    checkpoints._put_moments(after, checkpoints._moments(before))
    found = after.state[weight]
    assert found["state1"].is_paged
    assert torch.equal(found["state1"], values)
    assert found["step"] == 3
    assert torch.equal(found["absmax1"], torch.ones(2))


def test_a_stop_that_is_asked_for_before_the_first_step_is_heard_after_it(bases, tmp_path):
    """A signal may come while the model is loaded or the batches are planned."""
    base = bases["causal"]
    model = loading.load_trainable(base, SETTINGS)
    steps = loop.train(model, ROWS, loop.hard_labels, SETTINGS, fill=0, folder=tmp_path)
    events.ask_to_stop(tmp_path)
    with pytest.raises(checkpoints.Stopped, match="stopped after step 1, as asked"):
        list(steps)
    resumed, _ = train(base, folder=tmp_path)
    assert torch.equal(weights_of(resumed), weights_of(train(base)[0]))
