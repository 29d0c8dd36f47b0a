"""Rationales for many questions from one server: what is missing is asked, and kept at once."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mkdkit import records
from mkdkit.records import Question, Rationale
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers.asking import prompts
from mkdkit.teachers.asking.client import Client, Reply, UnansweredError
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.prices import Spending
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.settings import AskSettings


class OutOfBudgetError(Exception):
    """The next request is not covered."""


@dataclass
class Progress:
    """Where a collection stands."""

    questions: int = 0  # that are done, failed ones among them
    requests: int = 0  # answered in this run
    failed: dict[str, str] = field(default_factory=dict)  # question id -> why
    stopped: str = ""  # why nothing more is asked


Watcher = Callable[[Progress], None]


def collect(
    questions: Sequence[Question],
    *,
    task: Task,
    settings: AskSettings,
    key: str,
    journal: Journal,
    spending: Spending,
    watch: Watcher = lambda _: None,
) -> Progress:
    """Ask until every question has its rationales, has failed, or the budget is reached.

    Answers in the journal are not asked for again. Whatever ends the collection, what came is in
    the journal; `rationales_of` reads it.

    Args:
        questions: what is asked.
        task: how answers are graded, for `until_correct`.
        settings: how they are asked.
        key: of the server; it is written nowhere.
        journal: opened with `settings.asked()`.
        spending: counts tokens and money, and refuses what the budget does not cover.
        watch: called after every question.

    Raises:
        RefusedError: no request can succeed (a wrong key, model or address).
    """
    work = _Collection(task, settings, journal, spending, watch)
    asyncio.run(work.run(questions, key))
    return work.progress


def rationales_of(
    question: Question, *, task: Task, settings: AskSettings, journal: Journal
) -> list[tuple[Rationale, dict[str, Any]]]:
    """The rationales of one question that a journal holds whole, with where each came from."""
    found = []
    first = prompts.first_prompt(question, settings)
    for sample in range(journal.count(digest(first))):
        said = journal.read(digest(first), sample)
        second = prompts.second_prompt(question, said["text"], settings)
        answer = None
        if second is not None:
            if not journal.count(digest(second, sample)):
                continue
            answer = journal.read(digest(second, sample), 0)
        replied = None if answer is None else _as_said(answer)
        rationale = prompts.to_rationale(question, task, _as_said(said), replied)
        names = ("model", "finish_reason", "request_id", "time", "reasoning", "tokens")
        origin = {name: said[name] for name in names if said[name]}
        origin |= {"answer_reply": answer["text"]} if answer else {}
        found.append((rationale, origin | {"prompting": settings.prompting, "sample": sample}))
    return found


def write_collected(
    path: Path,
    questions: Iterable[Question],
    *,
    task: Task,
    settings: AskSettings,
    journal: Journal,
) -> int:
    """Write all whole rationales as JSON Lines, question by question; returns how many."""
    written = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal written
        for question in questions:
            for rationale, origin in rationales_of(
                question, task=task, settings=settings, journal=journal
            ):
                written += 1
                yield asdict(rationale) | {"answer": question.answer} | origin

    records.write_json_lines(path, rows())
    return written


def digest(prompt: str, sample: int | None = None) -> str:
    """The name of a request in the journal; the settings stand in its first line.

    The second prompt of a sample is its own request, though two samples may say the same.
    """
    text = json.dumps([prompt] if sample is None else [prompt, sample])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _as_said(kept: dict[str, Any]) -> Said:
    return Said(kept["text"], kept["reasoning"], kept["finish_reason"])


class _Collection:
    """One run over the questions: workers that each take the next question."""

    def __init__(
        self,
        task: Task,
        settings: AskSettings,
        journal: Journal,
        spending: Spending,
        watch: Watcher,
    ) -> None:
        self.task, self.settings, self.journal = task, settings, journal
        self.spending, self.watch = spending, watch
        self.progress = Progress()
        self._asking: dict[str, asyncio.Lock] = {}  # by prompt: equal questions share answers

    async def run(self, questions: Sequence[Question], key: str) -> None:
        remaining = iter(questions)
        async with Client(self.settings, key) as client:
            workers = min(self.settings.concurrency, len(questions))
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(workers):
                        group.create_task(self._work(client, remaining))
            except* Exception as errors:  # the first refusal speaks for all
                raise _first(errors) from None

    async def _work(self, client: Client, remaining: Iterator[Question]) -> None:
        for question in remaining:
            if self.progress.stopped:
                return
            try:
                await self._ask_until_enough(client, question)
            except UnansweredError as error:
                self.progress.failed[question.id] = str(error)
            except OutOfBudgetError:
                self.progress.stopped = "the budget is reached"  # the others end what they began
                return
            self.progress.questions += 1
            self.watch(self.progress)

    async def _ask_until_enough(self, client: Client, question: Question) -> None:
        first = prompts.first_prompt(question, self.settings)
        async with self._asking.setdefault(digest(first), asyncio.Lock()):
            await self._ask_for(client, question, first)

    async def _ask_for(self, client: Client, question: Question, first: str) -> None:
        settings, wanted = self.settings, self.settings.rationales_per_question
        while True:
            while (have := self.journal.count(digest(first))) < wanted:
                await self._ask(client, first, digest(first), wanted - have, settings.max_tokens)
            for sample in range(wanted):
                said = self.journal.read(digest(first), sample)["text"]
                second = prompts.second_prompt(question, said, settings)
                if second is not None and not self.journal.count(digest(second, sample)):
                    name = digest(second, sample)
                    await self._ask(client, second, name, 1, settings.answer_max_tokens)
            more = self._correct_lacking(question)
            if not more or wanted >= settings.at_most:
                return
            wanted = min(wanted + more, settings.at_most)

    def _correct_lacking(self, question: Question) -> int:
        if not self.settings.until_correct:
            return 0
        found = rationales_of(
            question, task=self.task, settings=self.settings, journal=self.journal
        )
        correct = sum(rationale.is_correct for rationale, _ in found)
        return max(0, self.settings.until_correct - correct)

    async def _ask(self, client: Client, prompt: str, name: str, n: int, most: int) -> None:
        """One request; every reply it brings is kept before anything else is done."""
        reserved = self.spending.reserve(len(prompt.encode()), n * most)
        if reserved is None:
            raise OutOfBudgetError
        try:
            reply = await client.ask(prompt, n=n, max_tokens=most)
        finally:
            self.spending.release(reserved)
        self.progress.requests += 1
        self.spending.add(reply.prompt_tokens, reply.completion_tokens)
        for line in _lines(reply, n):
            self.journal.append(name, line)


def _lines(reply: Reply, n: int) -> Iterator[dict[str, Any]]:
    """What the journal keeps of a request: a line for each reply that was asked for."""
    said = reply.said[:n]
    for one in said:
        yield {
            **one._asdict(),
            "model": reply.model,
            "request_id": reply.request_id,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            # of the whole request, which brought so many replies
            "tokens": {
                "prompt": reply.prompt_tokens,
                "completion": reply.completion_tokens,
                "replies": len(said),
            },
        }


def spent_before(journal: Journal) -> tuple[float, float]:
    """(prompt tokens, completion tokens) of all answers in a journal."""
    prompt = completion = 0.0
    for kept in journal.answers():
        tokens = kept["tokens"]
        prompt += tokens["prompt"] / tokens["replies"]
        completion += tokens["completion"] / tokens["replies"]
    return prompt, completion


def _first(errors: BaseExceptionGroup) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
