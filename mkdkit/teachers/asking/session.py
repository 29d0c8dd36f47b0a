"""A whole collection: what it may cost, a bar while it runs, the files it leaves."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mkdkit import json_lines, progress
from mkdkit.records import Question
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import procedural
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers import question_sets
from mkdkit.teachers.asking import collect, prices, prompts, rationale_file
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.prices import PRICES, Spending
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.asking.teacher import Teacher

BYTES_PER_TOKEN = 4  # of English text, roughly: for the estimate alone


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection left."""

    rationales: int  # in the file, those of questions that were asked before among them
    correct: int  # of them
    repeated: int  # of them, word for word an earlier one of the same question
    failed: dict[str, str]  # question id -> why
    stopped: str  # why it ended early; "" if it did not
    spent: str  # tokens and money, earlier runs on the same journal among them


def training_questions(
    task: Task, file: Path | None, settings: QuestionSettings, limit: int | None = None
) -> Sequence[Question]:
    """The questions of a file, or all training questions of a source; the first ones, if limited.

    Raises:
        ValueError: a line that is no question, a source that has none of this task, or a limit
            below 1.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1 question, got {limit}")
    return _every_question(task, file, settings)[:limit]


def _every_question(
    task: Task, file: Path | None, settings: QuestionSettings
) -> Sequence[Question]:
    if file is not None:
        if not file.is_file():
            raise ValueError(f"{file}: there is no such file of questions; check the path")
        return question_sets.read_lines(file, task, "train")
    if settings.source == "rule-made":
        return procedural.make_splits(settings).train
    return question_sets.read_all_questions(settings).train


def estimate(
    questions: Sequence[Question], settings: AskSettings, *, price_table: Path = PRICES
) -> str:
    """Say what the questions can cost with an empty journal.

    Left out: targeted asking, and prompts sent again to a server that gives one reply at a time.
    """
    n, count = settings.rationales_per_question, _counter(settings)
    sent = written = 0.0
    for question in questions:
        first = count(prompts.first_prompt(question, settings))
        sent += first
        written += n * settings.max_tokens
        if prompts.second_prompt(question, "", settings) is not None:
            sent += n * (first + settings.max_tokens)
            written += n * settings.answer_max_tokens
    price = prices.find_price(settings.model, path=price_table)
    words = f"about {sent:,.0f} tokens sent and {written:,.0f} written at most"
    if price is None:
        words += f" (no price of {settings.model} in {price_table.name})"
    else:
        words += f": {price.cost(sent, written):.4g} {price.currency}"
    return words


def _counter(settings: AskSettings) -> Callable[[str], float]:
    """What counts a prompt's tokens: a local model's tokenizer; else bytes, by a rule of thumb."""
    if settings.endpoint != "local":
        return lambda text: len(text.encode()) / BYTES_PER_TOKEN
    from mkdkit.models import loading

    tokenizer = loading.load_tokenizer(settings.model)
    return lambda text: len(tokenizer(text).input_ids)


def open_teacher(settings: AskSettings) -> Teacher:
    """Who is asked: a server, or a model on this machine.

    Raises:
        ValueError: no key, no such model, or no examples where they are to be shown.
    """
    if settings.prompting == "few_shot_cot" and not settings.worked_examples.strip():
        raise ValueError("few_shot_cot needs examples: worked questions, as text")
    if settings.endpoint == "local":
        from mkdkit.teachers.asking.local_model import LocalModel

        return LocalModel(settings)
    from mkdkit.teachers.asking.client import Client

    return Client(settings, require_key(settings))


def require_key(settings: AskSettings) -> str:
    """The server's key; without a usable one, a ValueError says what to do."""
    from mkdkit.teachers.asking.client import read_key  # openai takes a second to load

    return read_key(settings)


def ask(
    questions: Sequence[Question],
    *,
    task: Task,
    settings: AskSettings,
    out: Path,
    budget: str | None = None,
    price_table: Path = PRICES,
    bar: bool = True,
    watch: collect.Watcher | None = None,
) -> Collected:
    """Collect rationales into `out` (JSON Lines); what its journal holds is not asked again.

    Rows that `out` has of other questions, asked before in the same way, stay there.

    Args:
        questions: what is asked.
        task: how answers are read and graded.
        settings: model, prompts, limits.
        out: where the rationales go; `.journal` and `.failed` (JSON Lines too) stand beside it.
        budget: such as "2.50 USD" or "500000 tokens", over all runs on the journal; None: no
            limit.
        price_table: the reader's prices.
        bar: show a progress bar.
        watch: called after every question, with where the collection stands.

    Raises:
        ValueError: no key, a wrong budget or price table, a journal that is in use, damaged or
            begun with other settings, a file at `out` that is somebody else's, of another task,
            or has another question under the same id, or a server that refuses.
    """
    price = prices.find_price(settings.model, path=price_table)
    limit = None if budget is None else prices.parse_budget(budget, price)
    journal_path, failed = (out.with_name(out.name + end) for end in (".journal", ".failed"))
    if out.exists() and not journal_path.exists():
        raise ValueError(f"{out} is there and was not collected here; give another file")
    teacher = open_teacher(settings)
    spending = Spending(price, limit)
    with Journal(journal_path, settings.asked() | teacher.identity) as journal:
        rationale_file.require_ours(out, questions, task=task, settings=settings)
        failed.unlink(missing_ok=True)
        spending.add(*journal.spent())
        with progress.bar(total=len(questions), unit="question", is_shown=bar) as shown:
            try:
                done = collect.collect(
                    questions,
                    task=task,
                    settings=settings,
                    teacher=teacher,
                    journal=journal,
                    spending=spending,
                    watch=_watcher(shown, spending, watch),
                )
            finally:  # what came until now is usable, whatever ended it
                written = rationale_file.write_collected(
                    out, questions, task=task, settings=settings, journal=journal
                )
        failures = ({"question_id": name, "why": why} for name, why in done.failed.items())
        json_lines.write(failed, failures)
    return Collected(
        **asdict(written), failed=done.failed, stopped=done.stopped, spent=spending.in_words()
    )


def _watcher(shown: Any, spending: Spending, also: collect.Watcher | None) -> collect.Watcher:
    """Keep the progress bar up to date, and tell whoever else wants to know."""
    started = time.monotonic()

    def watch(progress: collect.Progress) -> None:
        minutes = (time.monotonic() - started) / 60
        rate = f"{progress.requests / max(minutes, 1e-9):.0f} requests/min"
        shown.set_postfix_str(f"{spending.in_words()}, {rate}", refresh=False)
        shown.update(progress.questions - shown.n)
        if also is not None:
            also(progress)

    return watch
