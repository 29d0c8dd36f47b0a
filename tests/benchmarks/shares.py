"""Where the time of a piece of work goes: shares of torch's own operators, by kind."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch.profiler import ProfilerActivity, profile

# an operator's kind is the first one with a part of its name in it
KINDS = {
    "attention": ("scaled_dot_product", "flash_attention"),
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm"),
    "softmax and its logarithm": ("softmax", "logsumexp"),
    "optimiser": ("adamw", "foreach", "linalg_vector_norm"),
    "dropout": ("bernoulli", "native_dropout"),
    "sorting": ("sort", "topk", "cumsum"),
    "moving and filling": ("copy_", "fill_", "cat", "index", "gather", "scatter", "clone"),
}


def shares_of(work: Callable[[], Any]) -> dict[str, float]:
    """Kind -> share of the processor's time in torch's operators, in percent, largest first."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        work()
    spent: Counter[str] = Counter()
    for event in found.key_averages():
        name = event.key.lower()
        parts = ((kind, parts) for kind, parts in KINDS.items())
        kind = next((kind for kind, some in parts if any(one in name for one in some)), "others")
        spent[kind] += event.self_cpu_time_total
    whole = spent.total()
    return {kind: round(100 * time / whole, 1) for kind, time in spent.most_common()}
