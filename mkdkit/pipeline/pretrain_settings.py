"""The settings of a pre-training run, and those that the shipped bases are made with."""

from dataclasses import dataclass
from typing import Any

from mkdkit.models import tiny

SEED = "data/models/tiny-seed"  # from the top of the project: what all shipped sizes grow from
# the rates that the seed had at its end go on falling
GROWN = {"grow_from": SEED, "muon_rate": 0.005, "adamw_rate": 1.5e-3}
# what a size is made with where the command says no more
SHIPPED: dict[str, dict[str, Any]] = {
    "seed": {"tokens": 36.0, "until": 0.5},
    "student": {"tokens": 36.0, **GROWN},
    "middle": {"tokens": 40.0, **GROWN},
    "mentor": {"tokens": 24.0, **GROWN},
}


def second_course(size: str) -> dict[str, Any]:
    """The settings with which a finished base reads on, at lower rates: other text, same skills."""
    rates = {"muon_rate": 0.002, "adamw_rate": 6e-4}
    return {"tokens": 4.0, "seed": 1, "grow_from": f"data/models/tiny-{size}", **rates}


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """How a tiny base is made."""

    size: str = "student"
    tokens: float = 36.0  # millions to read; the learning rates reach zero with the last
    until: float = 1.0  # share of them after which it ends, rates still high, for others to grow
    step_tokens: int = 4096  # of one optimiser step: fewer rows when they are longer
    first_row: int = 128  # tokens of a row at first: small, cheap steps while much is learned
    row: int = 256  # tokens of a row from `first_share` of all tokens on
    last_row: int = 768  # tokens of a row in the last `last_share`: as long as real texts
    first_share: float = 0.5
    last_share: float = 0.1
    muon_rate: float = 0.01  # highest learning rate of the hidden matrices
    adamw_rate: float = 3e-3  # highest learning rate of embeddings and norms
    weight_decay: float = 0.1  # of the hidden matrices
    warmup_share: float = 0.01  # of all tokens
    plain_share: float = 0.1  # share of the tokens that cannot be known which are scored
    probe_items: int = 100  # held-out items per skill
    checkpoint_seconds: float = 120.0
    threads: int = 1
    grow_from: str | None = None  # a smaller base: begin with what it has learned
    compile: bool = True  # 10% faster; needs a C++ compiler
    seed: int = 0

    def __post_init__(self) -> None:
        tiny.config(self.size)
        lengths = ("first_row", "row", "last_row")
        for name in ("tokens", "step_tokens", *lengths, "probe_items", "threads"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        if not 0 < self.until <= 1:
            raise ValueError(f"until must be above 0 and at most 1, got {self.until!r}")
        longest = max(getattr(self, name) for name in lengths)
        if longest > tiny.CONTEXT:
            raise ValueError(f"a row has at most {tiny.CONTEXT} tokens, got {longest}")

    def shape(self, progress: float) -> tuple[int, int]:
        """(rows, tokens of a row) of one step."""
        if progress < self.first_share:
            width = self.first_row
        else:
            width = self.row if progress < 1 - self.last_share else self.last_row
        return max(1, self.step_tokens // width), width
