"""Make the tiny bases: `python -m mkdkit.pipeline.pretrain --size student --minutes 60`.

Rule-made single steps (`single_steps`) are packed into full rows and read once. Hidden matrices
are trained by Muon, the rest by AdamW; both rates fall to zero over the planned minutes. A run
that was interrupted goes on from its last checkpoint when the same command is given again.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from mkdkit.models import tiny, tiny_tokenizer
from mkdkit.pipeline import growing, single_steps

ROOT = Path(__file__).parents[2]
PROBES = 8  # spread evenly over a run, the last one at its end


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """How a tiny base is made; the defaults made the shipped ones."""

    size: str = "student"
    minutes: float = 60.0  # planned training time; the learning rates reach zero at its end
    step_tokens: int = 2048  # tokens of one optimiser step: rows times tokens of a row
    short_row: int = 128  # tokens of a row at first: attention is cheaper, small sets come early
    long_row: int = 256  # tokens of a row later
    short_share: float = 0.4  # of the planned time
    muon_rate: float = 0.02  # highest learning rate of the hidden matrices
    adamw_rate: float = 3e-3  # highest learning rate of embeddings and norms
    weight_decay: float = 0.01
    warmup_share: float = 0.01  # of the planned time
    plain_share: float = 0.1  # share of the tokens that cannot be known which are scored
    probe_items: int = 100  # held-out items per skill
    checkpoint_seconds: float = 120.0
    threads: int = 1
    grow_from: str | None = None  # folder of a smaller size's run: begin with what that has learned
    compile: bool = True  # a C++ compiler is needed
    seed: int = 0

    def __post_init__(self) -> None:
        tiny.config(self.size)
        for name in ("minutes", "step_tokens", "short_row", "long_row", "probe_items", "threads"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        longest = max(self.short_row, self.long_row)
        if longest > min(tiny.CONTEXT, self.step_tokens):
            raise ValueError(
                f"a row must fit into the context of {tiny.CONTEXT} tokens and into step_tokens "
                f"({self.step_tokens}), got rows of {longest}"
            )

    def shape(self, progress: float) -> tuple[int, int]:
        """(rows, tokens of a row) of one step."""
        width = self.short_row if progress < self.short_share else self.long_row
        return self.step_tokens // width, width


def encode(
    episode: single_steps.Episode, tokenizer: PreTrainedTokenizerFast
) -> tuple[list[int], list[bool]]:
    """Token ids of one episode with its end mark, and which of them can be known beforehand."""
    text, spans = episode
    encoded = tokenizer(text, return_offsets_mapping=True)
    known = [
        any(start < span_end and end > span_start for span_start, span_end in spans)
        for start, end in encoded["offset_mapping"]
    ]
    return [*encoded["input_ids"], tokenizer.eos_token_id], [*known, True]


def batch(
    number: int, progress: float, tokenizer: PreTrainedTokenizerFast, settings: PretrainSettings
) -> tuple[Tensor, Tensor]:
    """Ids (rows, tokens of a row) of batch `number`, and which are scored (bool, same shape).

    Every row begins with a whole episode and is filled to its end; the last episode is cut.
    """
    seed = f"{settings.seed}/{number}"
    rng = Random(seed + "/plain")
    # a grown base has its first, easy quarter behind it
    lesson = max(progress, single_steps.RAMP) if settings.grow_from else progress
    stream = _endless(seed, lesson, tokenizer)
    rows, width = settings.shape(progress)
    ids = torch.empty(rows, width, dtype=torch.long)
    scored = torch.empty(rows, width, dtype=torch.bool)
    for row in range(rows):
        tokens: list[int] = []
        known: list[bool] = []
        while len(tokens) < width:
            more, which = next(stream)
            tokens += more
            known += which
        ids[row] = torch.tensor(tokens[:width])
        drawn = [k or rng.random() < settings.plain_share for k in known[:width]]
        scored[row] = torch.tensor(drawn)
    return ids, scored


def _endless(
    seed: str, progress: float, tokenizer: PreTrainedTokenizerFast
) -> Iterator[tuple[list[int], list[bool]]]:
    part = 0
    while True:
        for episode in single_steps.episodes(16, f"{seed}/{part}", progress):
            yield encode(episode, tokenizer)
        part += 1


def loss_of(model: LlamaForCausalLM, body: torch.nn.Module, ids: Tensor, scored: Tensor) -> Tensor:
    """Mean cross-entropy (nats) of the scored tokens; the first token of a row is never scored."""
    hidden = body(input_ids=ids, use_cache=False).last_hidden_state
    # position t predicts token t + 1; the head is spared the positions that do not count
    rows = hidden[:, :-1][scored[:, 1:]]
    return F.cross_entropy(model.lm_head(rows).float(), ids[:, 1:][scored[:, 1:]])


def make_optimizers(
    model: LlamaForCausalLM, settings: PretrainSettings
) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for the embeddings and norms."""
    matrices, rest = [], []
    for name, parameter in model.named_parameters():
        hidden = parameter.ndim == 2 and "embed" not in name and "lm_head" not in name
        (matrices if hidden else rest).append(parameter)
    decay = settings.weight_decay
    muon = torch.optim.Muon(matrices, lr=settings.muon_rate, weight_decay=decay, nesterov=True)
    adamw = torch.optim.AdamW(rest, lr=settings.adamw_rate, betas=(0.9, 0.95), weight_decay=0.0)
    return [muon, adamw]


def rate_factor(progress: float, settings: PretrainSettings) -> float:
    """The share of the highest learning rate: a short rise, level to one half, down to zero."""
    rise = progress / settings.warmup_share if settings.warmup_share else 1.0
    return max(0.0, min(1.0, rise, 2.0 * (1.0 - progress)))


@torch.no_grad()
def probe(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, settings: PretrainSettings
) -> dict[str, float]:
    """Accuracy (%) per skill: is an episode's last answer written exactly by greedy decoding?

    Greedy decoding writes an answer exactly if and only if each of its tokens is the likeliest
    after the ones before it, so one forward pass over the true text decides.
    """
    accuracy = {}
    for skill in single_steps.SKILLS:
        items = [_probe_item(skill, i, tokenizer) for i in range(settings.probe_items)]
        width = max(len(ids) for ids, _ in items)
        ids = torch.full((len(items), width), int(tokenizer.pad_token_id or 0))
        asked = torch.zeros(len(items), width, dtype=torch.bool)
        for row, (tokens, last) in enumerate(items):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            asked[row, : len(tokens)] = torch.tensor(last)
        with torch.autocast("cpu", torch.bfloat16):
            hits = model(input_ids=ids).logits[:, :-1].argmax(-1) == ids[:, 1:]
        right = (hits | ~asked[:, 1:]).all(dim=1)
        accuracy[skill] = round(100 * right.float().mean().item(), 1)
    return accuracy


def _probe_item(
    skill: str, number: int, tokenizer: PreTrainedTokenizerFast
) -> tuple[list[int], list[bool]]:
    text, spans = single_steps.episode(skill, Random(f"probe/{skill}/{number}"))
    ids, known = encode((text[: spans[-1][1]], spans[-1:]), tokenizer)
    return ids[:-1], known[:-1]  # without the end mark: the answer alone is asked


def _state_tensors(model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer]) -> dict:
    names = {parameter: name for name, parameter in model.named_parameters()}
    tensors = {f"weight/{name}": parameter.data for parameter, name in names.items()}
    for optimizer in optimizers:
        for parameter, state in optimizer.state.items():
            for key, value in state.items():
                tensors[f"{key}/{names[parameter]}"] = torch.as_tensor(value)
    return tensors


def write_checkpoint(
    folder: Path, model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer], position: dict
) -> None:
    """Weights and optimiser state as safetensors, the position as JSON; the JSON is last."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"state-{position['step']}.safetensors"
    save_file(_state_tensors(model, optimizers), weights)
    partial = folder / "position.json.part"
    partial.write_text(json.dumps(position | {"weights": weights.name}), encoding="utf-8")
    partial.replace(folder / "position.json")
    for old in folder.glob("state-*.safetensors"):
        if old != weights:
            old.unlink()


def read_checkpoint(
    folder: Path, model: LlamaForCausalLM, optimizers: list[torch.optim.Optimizer]
) -> dict | None:
    """Put the last checkpoint's weights and optimiser state in place; its position, or None."""
    if not (folder / "position.json").is_file():
        return None
    position = json.loads((folder / "position.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / position["weights"])
    for name, parameter in model.named_parameters():
        parameter.data.copy_(tensors.pop(f"weight/{name}"))
    parameters = dict(model.named_parameters())
    owner = {p: o for o in optimizers for group in o.param_groups for p in group["params"]}
    for entry, value in tensors.items():
        key, _, name = entry.partition("/")
        if parameters[name] in owner:
            owner[parameters[name]].state[parameters[name]][key] = value
    return position


def pretrain(settings: PretrainSettings, run: Path) -> tuple[LlamaForCausalLM, dict]:
    """A trained base and its record (loss curve, probes, provenance); resumes from `run`."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    tokenizer = tiny_tokenizer.build()
    model = LlamaForCausalLM(tiny.config(settings.size))
    optimizers = make_optimizers(model, settings)
    position = read_checkpoint(run, model, optimizers)
    if position is None and settings.grow_from:
        model = growing.grow(_small(Path(settings.grow_from)), model.config)
        optimizers = make_optimizers(model, settings)
    if position is None:
        position = {"step": 0, "seconds": 0.0, "settings": asdict(settings)}
        position |= {"curve": [], "probes": []}
    elif position["settings"] != asdict(settings):
        raise ValueError(f"{run} holds a run with other settings; remove it or choose another --run")
    _train(model, tokenizer, optimizers, position, settings, run)
    model.eval()
    position["probes"].append(_probe_row(1.0, model, tokenizer, position, settings))
    return model, position | _provenance(model, position, settings)


def _small(run: Path) -> LlamaForCausalLM:
    """The model of another run at its last checkpoint."""
    if not (run / "position.json").is_file():
        raise ValueError(f"{run} holds no checkpoint to grow from; run the smaller size first")
    settings = json.loads((run / "position.json").read_text(encoding="utf-8"))["settings"]
    small = LlamaForCausalLM(tiny.config(settings["size"]))
    read_checkpoint(run, small, [])
    return small


def _train(model, tokenizer, optimizers, position, settings, run) -> None:
    body = _compiled(model, tokenizer, settings)
    base = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
    planned = settings.minutes * 60
    saved = last = time.monotonic()
    recent: list[float] = []
    bar = tqdm(total=100, desc=f"tiny-{settings.size}", unit="%", mininterval=5)
    while (progress := position["seconds"] / planned) < 1:
        bar.update(round(100 * progress) - bar.n)
        ids, scored = batch(position["step"], progress, tokenizer, settings)
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, body, ids, scored)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer, rates in zip(optimizers, base, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * rate_factor(progress, settings)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        recent.append(loss.item())
        position["step"] += 1
        now = time.monotonic()
        position["seconds"] += now - last
        last = now
        if position["seconds"] / planned >= (len(position["curve"]) + 1) / 100:
            mean = math.fsum(recent) / len(recent)
            position["curve"].append([position["step"], round(position["seconds"]), round(mean, 4)])
            bar.set_postfix(loss=f"{mean:.3f}", step=position["step"])
            recent = []
        if progress >= (len(position["probes"]) + 1) / PROBES:
            position["probes"].append(_probe_row(progress, model, tokenizer, position, settings))
            bar.write(json.dumps(position["probes"][-1]))
        if now - saved > settings.checkpoint_seconds:
            write_checkpoint(run, model, optimizers, position)
            saved = now
    write_checkpoint(run, model, optimizers, position)
    bar.close()


def _compiled(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, settings: PretrainSettings
) -> torch.nn.Module:
    """The decoder's layers, compiled for both shapes of batch before the clock starts."""
    if not settings.compile:
        return model.model
    body = torch.compile(model.model, dynamic=False)
    for progress in (0.0, 1.0):  # one shape each
        with torch.autocast("cpu", torch.bfloat16):
            loss_of(model, body, *batch(0, progress, tokenizer, settings)).backward()
    model.zero_grad(set_to_none=True)
    return body


def _probe_row(progress, model, tokenizer, position, settings) -> dict:
    accuracy = probe(model, tokenizer, settings)
    return {"share": round(progress, 2), "step": position["step"], "accuracy": accuracy}


def _provenance(model: LlamaForCausalLM, position: dict, settings: PretrainSettings) -> dict:
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "tokens": position["step"] * settings.step_tokens,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "device": f"cpu, {settings.threads} thread(s)",
        "finished": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def write_base(model: LlamaForCausalLM, folder: Path) -> None:
    """Weights in bfloat16, config and tokenizer, as `from_pretrained` reads them."""
    model.to(torch.bfloat16).save_pretrained(folder)
    tiny_tokenizer.build().save_pretrained(folder)


def main() -> None:
    """The command line."""
    defaults = PretrainSettings()
    parser = argparse.ArgumentParser(description="Pre-train a tiny base on rule-made single steps.")
    parser.add_argument("--size", choices=tuple(tiny.SHAPES), default=defaults.size)
    parser.add_argument("--minutes", type=float, default=defaults.minutes)
    parser.add_argument("--step-tokens", type=int, default=defaults.step_tokens)
    parser.add_argument("--threads", type=int, default=defaults.threads)
    parser.add_argument("--probe-items", type=int, default=defaults.probe_items)
    parser.add_argument("--grow-from", help="folder of the checkpoints of a smaller size")
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--out", type=Path, help="folder of the base; default data/models/tiny-SIZE")
    parser.add_argument("--run", type=Path, help="folder of the checkpoints; default in data/runs")
    chosen = vars(parser.parse_args())
    out, run = chosen.pop("out"), chosen.pop("run")
    settings = PretrainSettings(**chosen)
    name = f"tiny-{settings.size}"
    model, record = pretrain(settings, run or ROOT / "data" / "runs" / f"pretrain-{name}")
    write_base(model, out or tiny.MODELS / name)
    results = (out or ROOT / "data" / "results") / f"pretrain_{settings.size}.json"
    results.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
