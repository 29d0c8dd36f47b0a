"""Make the tiny bases: `python -m mkdkit.pipeline.pretrain --size student`.

Rule-made single steps (`single_steps`) are packed into full rows and read once. Hidden matrices
are trained by Muon, the rest by AdamW; both rates fall to zero over the planned tokens. A run
that was interrupted goes on from its last checkpoint when the same command is given again. Bases
can grow from others of their width or less (`growing`). Best from one that was left while its rates
were high: raising them again once they have fallen costs more than it brings.

    python -m mkdkit.pipeline.pretrain --size seed
    python -m mkdkit.pipeline.pretrain --size student
    python -m mkdkit.pipeline.pretrain --size middle
    python -m mkdkit.pipeline.pretrain --size mentor

All three sizes grow from the seed, which lies in `data/models` too: any size can be made first.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from mkdkit.models import loading, tiny, tiny_tokenizer
from mkdkit.pipeline import growing, keys, pretrain_batches, pretrain_checkpoints, single_steps
from mkdkit.pipeline.pretrain_settings import SEED, SHIPPED, PretrainSettings, second_course
from mkdkit.pipeline.stages.base_files import base_files

ROOT = Path(__file__).parents[2]
PROBES = 8  # spread evenly over a run, the last one at its end
POINTS = 100  # of the loss curve
KEPT = ("step", "tokens", "seconds", "curve", "probes")  # of a run, beside its tensors


@dataclass(slots=True)
class Run:
    """What is being trained, and where it stands."""

    settings: PretrainSettings
    model: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast
    optimizers: list[torch.optim.Optimizer]
    made_from: dict[str, str]  # digests
    step: int = 0  # optimiser steps done
    tokens: int = 0  # read in those steps
    seconds: float = 0.0  # of training, over all sittings
    curve: list[list[float]] = field(default_factory=list)  # tokens, seconds, mean loss since
    probes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def progress(self) -> float:
        """Share of the planned tokens that were read; can end slightly above 1."""
        return self.tokens / (1e6 * self.settings.tokens)

    @property
    def has_ended(self) -> bool:
        """Whether as much was read as is to be."""
        return self.progress >= self.settings.until

    def position(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the tensors, and the record of a finished run."""
        kept = {name: getattr(self, name) for name in KEPT}
        return {"settings": asdict(self.settings), "made_from": self.made_from} | kept


def made_from(settings: PretrainSettings) -> dict[str, str]:
    """Digests of what a run learns from: the code that writes its text, the base it grows from."""
    found = {"text": keys.code_digest(single_steps.episodes)}
    for path in base_files(settings.grow_from) if settings.grow_from else ():
        found[path.name] = keys.file_digest(path)
    return found


def make_optimizers(
    model: LlamaForCausalLM, settings: PretrainSettings
) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for the embeddings and norms."""
    matrices, rest = [], []
    for name, parameter in model.named_parameters():
        hidden = parameter.ndim == 2 and "embed" not in name
        (matrices if hidden else rest).append(parameter)
    decay = settings.weight_decay
    muon = torch.optim.Muon(matrices, lr=settings.muon_rate, weight_decay=decay, nesterov=True)
    adamw = torch.optim.AdamW(rest, lr=settings.adamw_rate, betas=(0.9, 0.95), weight_decay=0.0)
    return [muon, adamw]


def rate_factor(progress: float, warmup_share: float) -> float:
    """The share of the highest learning rate: a short rise, then down to zero in a line."""
    if progress < warmup_share:
        return progress / warmup_share
    return max(0.0, (1.0 - progress) / (1.0 - warmup_share))


def loss_of(model: LlamaForCausalLM, body: nn.Module, ids: Tensor, scored: Tensor) -> Tensor:
    """Mean cross-entropy (nats) of the scored tokens; the first token of a row is never scored."""
    hidden = body(input_ids=ids, use_cache=False).last_hidden_state
    # position t predicts token t + 1; the head is spared the positions that do not count
    rows = hidden[:, :-1][scored[:, 1:]]
    return F.cross_entropy(model.lm_head(rows).float(), ids[:, 1:][scored[:, 1:]])


def start(settings: PretrainSettings, folder: Path) -> Run:
    """A run at its last checkpoint in `folder`, or at its beginning.

    Raises:
        ValueError: the checkpoint belongs to other settings, or there is no base to grow from.
    """
    torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    position = pretrain_checkpoints.read_position(folder)
    sources = made_from(settings)
    ours = {"settings": asdict(settings), "made_from": sources}
    changed = [name for name in ours if position and position[name] != ours[name]]
    if changed:
        what = " and ".join(changed).replace("made_from", "text or base")
        raise ValueError(f"{folder} holds a run with other {what}; remove it or name another")
    config = tiny.config(settings.size)
    if settings.grow_from and position is None:
        model = growing.grow(loading.load_base(settings.grow_from), config)
    else:
        model = LlamaForCausalLM(config)
    # on a CPU in bfloat16, going back through fused attention takes four times as long
    model.set_attn_implementation("eager")
    run = Run(settings, model, tiny_tokenizer.build(), make_optimizers(model, settings), sources)
    if position:
        pretrain_checkpoints.restore(folder, position, model, run.optimizers)
        for name in KEPT:
            setattr(run, name, position[name])
    return run


def next_batch(run: Run, progress: float) -> tuple[Tensor, Tensor]:
    """Ids and scored tokens of the run's next step; the same for the same step and progress."""
    # a grown base has the first lessons behind it
    lesson = max(progress, single_steps.LATER) if run.settings.grow_from else progress
    return pretrain_batches.batch(
        f"{run.settings.seed}/{run.step}",
        run.settings.shape(progress),
        progress=lesson,
        plain_share=run.settings.plain_share,
        tokenizer=run.tokenizer,
    )


def take_step(run: Run, body: nn.Module, progress: float) -> float:
    """One optimiser step; returns its loss (nats per scored token)."""
    ids, scored = next_batch(run, progress)
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(run.model, body, ids, scored)
    loss.backward()
    nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    factor = rate_factor(progress, run.settings.warmup_share)
    highest = (run.settings.muon_rate, run.settings.adamw_rate)
    for optimizer, rate in zip(run.optimizers, highest, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.step += 1
    run.tokens += ids.numel()
    return loss.item()


def train(run: Run, folder: Path) -> None:
    """Train to the last of the planned tokens, with checkpoints in `folder` on the way."""
    body = _compiled(run)
    recent: list[float] = []
    bar = tqdm(
        total=round(POINTS * run.settings.until), desc=f"tiny-{run.settings.size}", mininterval=5
    )
    saved = time.monotonic()
    while not run.has_ended:
        started = time.monotonic()
        recent.append(take_step(run, body, run.progress))
        run.seconds += time.monotonic() - started
        if run.progress >= (len(run.curve) + 1) / POINTS:
            mean = math.fsum(recent) / len(recent)
            run.curve.append([run.tokens, round(run.seconds), round(mean, 4)])
            bar.set_postfix(loss=f"{mean:.3f}", step=run.step, refresh=False)
            bar.update(len(run.curve) - bar.n)
            recent = []
        if (len(run.probes) + 1) / PROBES <= run.progress and not run.has_ended:
            add_probe(run)
        is_due = time.monotonic() - saved > run.settings.checkpoint_seconds
        if is_due and not run.has_ended:  # the last one is written with its probe
            pretrain_checkpoints.write(folder, run.model, run.optimizers, run.position())
            saved = time.monotonic()
    bar.close()


def _compiled(run: Run) -> nn.Module:
    """The decoder's layers, compiled for every shape of batch before the clock starts."""
    if not run.settings.compile:
        return run.model.model
    body: Any = torch.compile(run.model.model, dynamic=False)
    for progress in (0.0, run.settings.first_share, 1.0):
        with torch.autocast("cpu", torch.bfloat16):
            loss_of(run.model, body, *next_batch(run, progress)).backward()
    run.model.zero_grad(set_to_none=True)
    return body


def add_probe(run: Run) -> None:
    """Note the accuracy per skill at this point of the run."""
    accuracy = pretrain_batches.probe(run.model, run.tokenizer, run.settings.probe_items)
    share = round(min(1.0, run.progress), 2)
    run.probes.append({"share": share, "step": run.step, "accuracy": accuracy})


def provenance(run: Run) -> dict[str, Any]:
    """What a reader needs to know about where the weights come from."""
    return {
        "parameters": run.model.num_parameters(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "device": f"cpu, {run.settings.threads} thread(s)",
        "finished": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def write_base(model: LlamaForCausalLM, folder: Path) -> None:
    """Write weights (from now on bfloat16), config, tokenizer, as `from_pretrained` reads them."""
    nn.Module.to(model, torch.bfloat16)
    model.save_pretrained(folder)
    tiny_tokenizer.build().save_pretrained(folder)


def pretrain(settings: PretrainSettings, *, folder: Path, out: Path, results: Path) -> None:
    """Make one base: checkpoints in `folder`, the base in `out`, its record in `results`."""
    run = start(settings, folder)
    if not run.has_ended:
        train(run, folder)
        add_probe(run)
        pretrain_checkpoints.write(folder, run.model, run.optimizers, run.position())
    write_base(run.model, out)
    results.mkdir(parents=True, exist_ok=True)
    path, record = results / f"pretrain_{settings.size}.json", run.position() | provenance(run)
    has_read_on = settings.grow_from == second_course(settings.size)["grow_from"]
    if has_read_on and path.is_file():
        record["before"] = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Pre-train a tiny base on rule-made single steps.")
    parser.add_argument("--size", choices=tuple(tiny.SHAPES), default="student")
    # what is not given is as the shipped base of that size was made
    numbers = {"tokens": float, "step_tokens": int, "muon_rate": float, "adamw_rate": float}
    numbers |= {"threads": int, "probe_items": int, "seed": int}
    for name, kind in numbers.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=argparse.SUPPRESS)
    parser.add_argument(
        "--grow-from", default=argparse.SUPPRESS, help="a base to begin as: a folder; '' for none"
    )
    parser.add_argument(
        "--second-course", action="store_true", help="let the base there is read on, at lower rates"
    )
    parser.add_argument("--no-compile", dest="compile", action="store_false")
    parser.add_argument("--run", type=Path, help="folder of the checkpoints (default: data/runs)")
    parser.add_argument("--out", type=Path, help="folder of the base (default: data/models)")
    parser.add_argument("--results", type=Path, default=ROOT / "data" / "results")
    chosen = vars(parser.parse_args(arguments))
    run, out, results = chosen.pop("run"), chosen.pop("out"), chosen.pop("results")
    size, reads_on = chosen["size"], chosen.pop("second_course")
    name = f"tiny-{size}"
    folder = run or ROOT / "data" / "runs" / f"pretrain-{name}{'-2' if reads_on else ''}"
    try:
        usual = second_course(size) if reads_on else SHIPPED[size]
        settings = PretrainSettings(**(usual | chosen))
        if settings.grow_from == SEED and not Path(SEED).is_dir():
            raise ValueError(
                f"{name} grows from {SEED}, which is not here: go to the top of the project, or "
                "make it first (--size seed)"
            )
        pretrain(settings, folder=folder, out=out or tiny.MODELS / name, results=results)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
