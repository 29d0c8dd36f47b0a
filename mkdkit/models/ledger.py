"""What lives at one time while a model runs, found without its numbers.

A model is run on torch's fake tensors, which have shapes and no numbers, while a ledger notes every
tensor that is born and that dies. Nothing is allocated, so what a large model takes on a GPU is
found on any machine, by the very code that will run there.
"""

import contextlib
import logging
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import fake_tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

# a function of torch is changed for a while, and widgets may run in a thread beside cells
_ALONE = threading.RLock()


class Ledger(TorchDispatchMode):
    """Counts bytes of tensors that live and work that is done, while it is entered.

    Weights and buffers of the model are not counted, nor what lived before.
    """

    live: int  # bytes, now
    peak: int  # bytes, at their highest since `start_again`
    flop: int  # floating-point operations of matrix products and attention
    at_head: int | None  # bytes that lived when the output layer was reached
    peak_before_head: int  # bytes, at their highest until then

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.live = self.peak = self.flop = self.peak_before_head = 0
        self.at_head = None
        self._known: dict[int, Any] = {}
        for one in (*model.parameters(), *model.buffers()):
            self._note(one.untyped_storage(), counts=False)  # a view of a weight is no new bytes

    def reach_head(self) -> None:
        """Note what lives as the output layer is reached; what comes on top are logits."""
        if self.at_head is None:
            self.at_head, self.peak_before_head = self.live, self.peak
            self.peak = self.live

    def start_again(self) -> None:
        """Forget what was counted, but not what lives."""
        self.peak, self.flop, self.at_head = self.live, 0, None

    def _note(self, storage: torch.UntypedStorage, *, counts: bool = True) -> None:
        key, size = storage._cdata, storage.nbytes() if counts else 0
        if key in self._known:
            return

        def gone(_: Any) -> None:
            self.live -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, gone)
        self.live += size
        self.peak = max(self.peak, self.live)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run an operation; note what it made and how much work it was."""
        if func is torch.ops.prim.device.default:  # two of three calls only ask where a tensor is
            return args[0].fake_device
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor):
                self._note(one.untyped_storage())
        if func is torch.ops.aten.logsumexp.default:  # its kernel sums exponentials that none sees
            self.peak = max(self.peak, self.live + args[0].nbytes)
        if func.overloadpacket in flop_registry:
            count = flop_registry[func.overloadpacket]
            self.flop += count(*args, **(kwargs or {}), out_val=made)
        self.flop += _attention_flop(func, args)
        return made


def _attention_flop(func: Any, args: tuple[Any, ...]) -> int:
    """The work of a CPU's fused attention, which torch's own counter does not know."""
    aten = torch.ops.aten
    if func is aten._scaled_dot_product_flash_attention_for_cpu.default:
        return sdpa_flop_count(*(one.shape for one in args[:3]))
    if func is aten._scaled_dot_product_flash_attention_for_cpu_backward.default:
        return sdpa_backward_flop_count(*(one.shape for one in args[:4]))
    return 0


@contextlib.contextmanager
def without_numbers(model: Any, where: torch.device, *, scored: int = 0) -> Iterator[Ledger]:
    """Run what is inside without numbers; the model is used up.

    Args:
        model: built on the meta device, as `footprint` does.
        where: the device planned for.
        scored: scored tokens of the batch.

    Raises:
        ValueError: what the model does depends on numbers.
    """
    log = logging.getLogger(fake_tensor.__name__)  # it tells at length what is raised anyway
    level = log.level
    with _ALONE, fake_tensor.FakeTensorMode():
        _make_fake(model)
        head, ledger, stand_ins = model.get_output_embeddings(), Ledger(model), _StandIns(scored)
        hooks = [
            head.register_forward_pre_hook(lambda *_: ledger.reach_head()),
            head.register_forward_hook(lambda *given: stand_ins.from_head.add(_name(given[-1]))),
        ]
        try:
            log.setLevel(logging.CRITICAL)
            with stand_ins, _attention_of(where), ledger:
                yield ledger
        except (RuntimeError, AttributeError, TypeError) as error:
            first = str(error).strip().splitlines()[0]
            raise ValueError(
                f"{type(model).__name__} does not run without numbers ({first}), so its memory "
                "cannot be foretold; plan for another base, or measure a run of --profile smoke"
            ) from error
        finally:
            log.setLevel(level)
            for hook in hooks:
                hook.remove()


def _make_fake(model: Any) -> None:
    """Put fake tensors in the place of a model's own; tied ones stay tied."""
    made: dict[int, Tensor] = {}
    for module in model.modules():
        for group in (module._parameters, module._buffers):
            for name, one in group.items():
                if one is not None and id(one) not in made:
                    fake = torch.empty(one.shape, dtype=one.dtype)
                    is_weight = isinstance(one, nn.Parameter)
                    made[id(one)] = nn.Parameter(fake, one.requires_grad) if is_weight else fake
                group[name] = None if one is None else made[id(one)]


def _name(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class _StandIns(TorchFunctionMode):
    """Stands in for the few functions whose result depends on numbers."""

    def __init__(self, scored: int) -> None:
        super().__init__()
        self.scored = scored
        self.from_head: set[int] = set()  # what came out of the output layer

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function, or what stands in for it."""
        if func is torch.equal:  # asked by `chunks`: does anything come after the output layer?
            return _name(args[0]) in self.from_head
        if func is Tensor.__getitem__ and getattr(args[1], "dtype", None) is torch.bool:
            return args[0].flatten(0, 1)[: self.scored].clone()  # asked by `encoding.scored_rows`
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def _attention_of(where: torch.device) -> Iterator[None]:
    """Attend as the device planned for does; the CPU chooses its own way, as it will."""
    own = F.scaled_dot_product_attention
    if where.type == "cuda":
        F.scaled_dot_product_attention = _attention_on_cuda
    try:
        yield
    finally:
        F.scaled_dot_product_attention = own


def _attention_on_cuda(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Attention as CUDA's kernel for any mask does it: no probabilities are kept."""
    if torch.is_autocast_enabled("cpu"):
        query, key, value = (one.bfloat16() for one in (query, key, value))
    if enable_gqa:
        several = query.shape[1] // key.shape[1]
        key, value = key.repeat_interleave(several, 1), value.repeat_interleave(several, 1)
    if attn_mask is not None:
        if attn_mask.dtype is torch.bool:
            attn_mask = torch.zeros_like(attn_mask, dtype=query.dtype).masked_fill(~attn_mask, -1)
        attn_mask = attn_mask.to(query.dtype).expand(*query.shape[:3], key.shape[2])
    kernel = torch.ops.aten._scaled_dot_product_efficient_attention
    keeps = torch.is_grad_enabled() and query.requires_grad
    return kernel(query, key, value, attn_mask, keeps, dropout_p, is_causal, scale=scale)[0]
