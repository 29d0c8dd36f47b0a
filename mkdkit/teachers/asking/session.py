"""A whole collection: what it may cost, a bar while it runs, the files it leaves."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm.auto import tqdm

from mkdkit import records
from mkdkit.records import Question
from mkdkit.settings import QuestionSettings, QuestionSource
from mkdkit.tasks import procedural
from mkdkit.tasks.catalogue import Task
from mkdkit.teachers import question_sets
from mkdkit.teachers.asking import collect, prices, prompts
from mkdkit.teachers.asking.client import read_key
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.prices import PRICES, Spending
from mkdkit.teachers.asking.settings import AskSettings

BYTES_PER_TOKEN = 4  # of English text, roughly: for the estimate alone


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection left."""

    rationales: int
    correct: int  # of them
    failed: dict[str, str]  # question id -> why
    stopped: str  # why it ended early; "" if it did not
    spent: str  # tokens and money, earlier runs on the same journal among them


def training_questions(
    task: Task, file: Path | None, source: QuestionSource, data_dir: Path | None
) -> list[Question]:
    """The questions of a file, or all training questions of a source.

    Raises:
        ValueError: a line that is no question, or a source that has none of this task.
    """
    if file is not None:
        if not file.is_file():
            raise ValueError(f"{file}: there is no such file of questions; check the path")
        found = records.read_questions(file)
        for question in found:
            question_sets.check_answer(question.answer, task, f"{file}, {question.id}")
        return found
    folder = None if data_dir is None else str(data_dir)
    settings = QuestionSettings(task=task.name, source=source, data_dir=folder)
    if source == "rule-made":
        return procedural.make_splits(settings).train
    return question_sets.read_all_questions(settings).train


def estimate(
    questions: Sequence[Question], settings: AskSettings, *, price_table: Path = PRICES
) -> str:
    """Say what the questions can cost with an empty journal, targeted asking left out."""
    n = settings.rationales_per_question
    sent = written = 0.0
    for question in questions:
        first = prompts.first_prompt(question, settings)
        sent += len(first.encode()) / BYTES_PER_TOKEN
        written += n * settings.max_tokens
        if prompts.second_prompt(question, "", settings) is not None:
            sent += n * (len(first.encode()) / BYTES_PER_TOKEN + settings.max_tokens)
            written += n * settings.answer_max_tokens
    price = prices.find_price(settings.model, path=price_table)
    words = f"about {sent:,.0f} tokens sent and {written:,.0f} written at most"
    if price is None:
        words += f" (no price of {settings.model} in {price_table.name})"
    else:
        words += f": {price.cost(sent, written):.4g} {price.currency}"
    return words


def ask(
    questions: Sequence[Question],
    *,
    task: Task,
    settings: AskSettings,
    out: Path,
    budget: str | None = None,
    price_table: Path = PRICES,
    bar: bool = True,
) -> Collected:
    """Collect rationales into `out` (JSON Lines); what its journal holds is not asked again.

    Args:
        questions: what is asked.
        task: how answers are read and graded.
        settings: model, prompts, limits.
        out: where the rationales go; `.journal` and `.failed` (JSON Lines too) stand beside it.
        budget: such as "2.50 USD" or "500000 tokens", over all runs on the journal; None: no
            limit.
        price_table: the reader's prices.
        bar: show a progress bar.

    Raises:
        ValueError: no key, a wrong budget or price table, a journal that is in use, damaged or
            begun with other settings, or a server that refuses.
    """
    key = read_key(settings)
    price = prices.find_price(settings.model, path=price_table)
    limit = None if budget is None else prices.parse_budget(budget, price)
    spending = Spending(price, limit)
    with Journal(out.with_name(out.name + ".journal"), settings.asked()) as journal:
        spending.add(*collect.spent_before(journal))
        started = time.monotonic()
        with tqdm(total=len(questions), unit="question", disable=not bar) as shown:

            def watch(progress: collect.Progress) -> None:
                minutes = (time.monotonic() - started) / 60
                rate = f"{progress.requests / max(minutes, 1e-9):.0f} requests/min"
                shown.set_postfix_str(f"{spending.in_words()}, {rate}", refresh=False)
                shown.update(progress.questions - shown.n)

            try:
                done = collect.collect(
                    questions,
                    task=task,
                    settings=settings,
                    key=key,
                    journal=journal,
                    spending=spending,
                    watch=watch,
                )
            finally:  # what came until now is usable, whatever ended it
                written = collect.write_collected(
                    out, questions, task=task, settings=settings, journal=journal
                )
        failures = ({"question_id": name, "why": why} for name, why in done.failed.items())
        records.write_json_lines(out.with_name(out.name + ".failed"), failures)
    correct = sum(row["is_correct"] for _, row in records.read_json_lines(out))
    return Collected(written, correct, done.failed, done.stopped, spending.in_words())
