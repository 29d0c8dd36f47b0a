"""Rationales for many questions from one teacher: what is missing is asked, and kept at once."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mkdkit.records import Question, Rationale
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers.asking import prompts, replies, running
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.prices import Cover, OutOfBudgetError, Spending
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.asking.teacher import Reply, Teacher, UnansweredError


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
    teacher: Teacher,
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
        teacher: a server's client, or a model on this machine; open until this returns.
        journal: opened with `settings.asked()`.
        spending: counts tokens and money, and refuses what the budget does not cover.
        watch: called after every question.

    Raises:
        RefusedError: no request can succeed (a wrong key, model or address).
    """
    work = _Collection(task, settings, journal, spending, watch)
    running.run(work.run(questions, teacher))
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
        origin = {"sample": sample, "prompt": first} | _origin(said)
        origin["parameters"] = parameters_of(settings)
        if answer is not None:
            origin["answer_reply"] = {"text": answer["text"], "prompt": second} | _origin(answer)
        found.append((rationale, origin))
    return found


def parameters_of(settings: AskSettings) -> dict[str, Any]:
    """What a row says of how it was asked; worked examples stand in its prompt, once."""
    return settings.asked() | {"worked_examples": None}


def _origin(kept: dict[str, Any]) -> dict[str, Any]:
    """Where a reply comes from, as the journal has it."""
    names = ("model", "finish_reason", "request_id", "time", "reasoning", "tokens")
    return {name: kept[name] for name in names if kept[name]}


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
        self._has_ended = asyncio.Event()  # a request, so that its cover is free

    async def run(self, questions: Sequence[Question], teacher: Teacher) -> None:
        remaining = iter(questions)
        async with teacher:
            workers = min(self.settings.concurrency, len(questions))
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(workers):
                        group.create_task(self._work(teacher, remaining))
            except* Exception as errors:  # the first refusal speaks for all
                raise _first(errors) from None

    async def _work(self, teacher: Teacher, remaining: Iterator[Question]) -> None:
        for question in remaining:
            if self.progress.stopped:
                return
            try:
                await self._ask_until_enough(teacher, question)
            except UnansweredError as error:
                self.progress.failed[question.id] = str(error)
            except OutOfBudgetError:
                self.progress.stopped = "the budget is reached"  # the others end what they began
                return
            self.progress.questions += 1
            self.watch(self.progress)

    async def _ask_until_enough(self, teacher: Teacher, question: Question) -> None:
        first = prompts.first_prompt(question, self.settings)
        async with self._asking.setdefault(digest(first), asyncio.Lock()):
            await self._ask_for(teacher, question, first)

    async def _ask_for(self, teacher: Teacher, question: Question, first: str) -> None:
        settings, wanted = self.settings, self.settings.rationales_per_question
        while True:
            while (have := self.journal.count(digest(first))) < wanted:
                await self._ask(teacher, first, digest(first), wanted - have, settings.max_tokens)
            for sample in range(wanted):
                said = self.journal.read(digest(first), sample)["text"]
                second = prompts.second_prompt(question, said, settings)
                if second is not None and not self.journal.count(digest(second, sample)):
                    name = digest(second, sample)
                    await self._ask(
                        teacher, second, name, 1, settings.answer_max_tokens, is_answer=True
                    )
            more = self._correct_lacking(question)
            most = max(settings.at_most, settings.rationales_per_question)
            if not more or wanted >= most:
                return
            wanted = min(wanted + more, most)

    def _correct_lacking(self, question: Question) -> int:
        if not self.settings.until_correct:
            return 0
        found = rationales_of(
            question, task=self.task, settings=self.settings, journal=self.journal
        )
        different = {rationale.text for rationale, _ in found if rationale.is_correct}
        return max(0, self.settings.until_correct - len(different))

    async def _ask(
        self, teacher: Teacher, prompt: str, name: str, n: int, most: int, is_answer: bool = False
    ) -> None:
        """One request; every reply it brings is kept before anything else is done."""
        replied = None
        while replied is None:
            try:
                replied = await self._reply(teacher, prompt, name, n, most, is_answer)
            except OutOfBudgetError:
                if not self.spending.requests:
                    raise
                # what others have set aside is mostly more than they will cost
                self._has_ended.clear()
                await self._has_ended.wait()
        self.progress.requests += 1
        self.journal.append(name, *_lines(*replied, n))

    async def _reply(
        self, teacher: Teacher, prompt: str, name: str, n: int, most: int, is_answer: bool
    ) -> tuple[Reply, Cover]:
        have, was_answered = self.journal.count(name), False
        # what is not covered is refused before the try: then no request has ended
        with self.spending.reserve(len(prompt.encode()), n * most) as cover:
            try:
                reply = await teacher.ask(prompt, n=n, have=have, max_tokens=most, cover=cover)
                if is_answer:  # a rationale may be cut off in its thought; an answer is no answer
                    replies.require_text(reply.said, self.settings, most)
                was_answered = True
                return reply, cover
            finally:
                self._has_ended.set()
                if cover.prompt_tokens and not was_answered:
                    self.journal.note_spent(cover.prompt_tokens, cover.completion_tokens)


def _lines(reply: Reply, cost: Cover, n: int) -> Iterator[dict[str, Any]]:
    """What the journal keeps of a request: a line for each reply that was asked for."""
    said = reply.said[:n]
    for one in said:
        yield {
            **one._asdict(),
            "model": reply.model,
            "request_id": reply.request_id,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            # of the whole request, all its tries, which brought so many replies
            "tokens": {
                "prompt": cost.prompt_tokens,
                "completion": cost.completion_tokens,
                "replies": len(said),
            },
        }


def _first(errors: BaseExceptionGroup) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
