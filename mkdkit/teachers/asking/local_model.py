"""A teacher that runs in this process: any causal or seq2seq model, asked as a server would be.

Whatever is asked for at the same time is written in one batch. Each sample draws from its own
stream of random numbers, whatever shares its batch, so a collection that was stopped goes on to the
same rationales (but for rounding, where a batch of another size computes in another order).
"""

import asyncio
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch

from mkdkit.models import encoding, loading, sampling
from mkdkit.settings import SamplingSettings
from mkdkit.teachers.asking import prompts
from mkdkit.teachers.asking.prices import Cover
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.asking.teacher import Reply, UnansweredError


@dataclass(eq=False, slots=True)
class _Request:
    prompt: str
    n: int
    have: int
    max_tokens: int
    reply: asyncio.Future[Reply]
    ids: tuple[int, ...] = ()
    said: list[Said] = field(default_factory=list)
    written: int = 0  # tokens

    @property
    def group(self) -> tuple[int, int, int]:
        """Requests of one group are written together."""
        return self.n, self.have, self.max_tokens


class LocalModel:
    """Asks a model on this machine's device; use it in an `async with` statement."""

    def __init__(self, settings: AskSettings) -> None:
        """Load the model.

        Raises:
            ValueError: there is none of that name, it cannot be read, or a setting does not fit.
        """
        self.name = settings.model
        self._sampling = SamplingSettings(
            sampling_temperature=settings.temperature, top_p=settings.top_p, seed=settings.seed or 0
        )
        quantization = "nf4" if settings.four_bit else None
        dtype = torch.bfloat16 if quantization else loading.use_dtype()
        if (Path(settings.model) / loading.ADAPTER).is_file():
            if settings.four_bit:
                raise ValueError(
                    f"{settings.model}: an adapter's base is held as it was trained; "
                    "leave four_bit out"
                )
            self._model = loading.load_trained(settings.model)
        else:
            self._model = loading.load_base(settings.model, quantization=quantization, dtype=dtype)
        self._tokenizer = loading.load_tokenizer(settings.model)
        # another training in the same folder is another teacher
        is_folder = Path(settings.model).is_dir()  # an adapter's folder has no base to resolve
        where = settings.model if is_folder else loading.resolve(settings.model)
        self.identity = {"weights": _digest(where, self._model)}
        self._family: encoding.Family = encoding.family_of(self._model)
        self._is_fine_tuned = settings.prompting == "fine_tuned"
        if self._is_fine_tuned and self._family != "causal":
            raise ValueError("prompting fine_tuned is for causal models; use one_prompt")
        self._waiting: list[_Request] = []
        self._at_work: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._at_work:
            self._at_work.cancel()

    async def ask(self, prompt: str, *, n: int, have: int, max_tokens: int, cover: Cover) -> Reply:
        """`n` samples of a prompt that has `have` already.

        Raises:
            UnansweredError: prompt and reply together are longer than the model can read.
        """
        request = _Request(prompt, n, have, max_tokens, asyncio.get_running_loop().create_future())
        request.ids = self._encode(prompt)
        longest = encoding.positions_of(self._model)
        if longest and len(request.ids) + max_tokens > longest:
            raise UnansweredError(
                f"the prompt has {len(request.ids)} tokens, and {max_tokens} may be written: "
                f"more than the {longest} that {self.name} reads"
            )
        self._waiting.append(request)
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._work())
        reply = await request.reply
        cover.spend(len(request.ids), request.written)
        return reply

    def _encode(self, prompt: str) -> tuple[int, ...]:
        """Through the model's chat template if it has one, else as plain text."""
        if self._tokenizer.chat_template is not None and not self._is_fine_tuned:
            prompt = self._tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False
            )
            # the template has written the special tokens itself
            return tuple(self._tokenizer(prompt, add_special_tokens=False).input_ids)
        return encoding.encode_text(self._tokenizer, prompt, self._family)

    async def _work(self) -> None:
        """Write for all who wait, group by group, until nobody waits any more."""
        await asyncio.sleep(0)  # those who ask in the same moment are all heard first
        while self._waiting:
            waiting = sorted(self._waiting, key=lambda request: request.group)
            self._waiting = []
            for _, group in itertools.groupby(waiting, key=lambda request: request.group):
                self._write(list(group))
                await asyncio.sleep(0)  # what was written is kept before more is

    def _write(self, group: Sequence[_Request]) -> None:
        """Write the samples of requests that ask for equally many, equally long."""
        n, have, max_tokens = group[0].group
        settings = replace(
            self._sampling, degree=n, max_new_tokens=max_tokens, batch_size=len(group)
        )
        try:
            batches = sampling.write_samples(
                self._model,
                self._tokenizer,
                [request.ids for request in group],
                [request.prompt for request in group],
                settings,
                first=have,
            )
            for written in itertools.chain.from_iterable(batches):
                _add(group[written.prompt], written)
        except Exception as error:  # out of memory, say: nobody shall wait for ever
            for request in _awaited(group):
                request.reply.set_exception(error)
            return
        for request in _awaited(group):
            request.reply.set_result(Reply(request.said, self.name, request_id=None))


def _digest(where: str, model: Any) -> str:
    """What names the weights: a digest of a folder's files, or the commit on the Hub."""
    files = sorted(Path(where).glob("*.safetensors"))
    if not files:
        return str(getattr(encoding.config_of(model), "_commit_hash", None))
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:16]


def _awaited(group: Sequence[_Request]) -> Iterator[_Request]:
    """Those whose asker has not gone away meanwhile."""
    return (request for request in group if not request.reply.done())


def _add(request: _Request, written: sampling.Written) -> None:
    text, thought = prompts.split_thought(written.text, None)
    finish = "stop" if written.is_complete else "length"
    request.said.append(Said(text, thought, finish))
    request.written += written.tokens
