"""What each command of the command line does; `__main__` reads the line and explains errors."""

import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from mkdkit.pipeline import arms as all_arms
from mkdkit.pipeline import launched, recipes
from mkdkit.pipeline.options import RecipeOptions
from mkdkit.settings import QuestionSettings, QuestionSource, Recipe
from mkdkit.tasks import catalogue
from mkdkit.teachers.asking.settings import AskSettings

ASKED = Path(__file__).parents[1] / "data" / "asked"  # rationales that were asked for


def run(recipe: RecipeOptions, arms: tuple[str, ...] = all_arms.DEFAULT) -> None:
    """Run the whole method for one task and seed, and print what came of it.

    Stages that were run before with the same settings are loaded, so a run that was stopped goes
    on where it stood.

    Args:
        recipe: which one.
        arms: the methods to compare.
    """
    all_arms.require(arms)
    chosen = _chosen(recipe)
    say(f"{_title(chosen)}: loading the libraries ...")
    from mkdkit.pipeline import report_table, stages

    done = stages.report(chosen, arms)
    if not launched.is_first():
        return
    for line in report_table.lines(stages.read_report(done)):
        print(line)
    say(f"\nreport: {done.folder / 'report.json'}")


def plan(
    recipe: RecipeOptions,
    prompt_tokens: int | None = None,
    completion_tokens: int | None = None,
    teraflops: float | None = None,
) -> None:
    """Say what Mentor-KD will take, before anything is spent: memory by part, disk, work and time.

    Reads the bases' configs, never their weights. Profile gpu is planned for a CUDA device, which
    need not be here.

    Args:
        recipe: which one.
        prompt_tokens: of the longest prompt; by default half of the recipe's longest row.
        completion_tokens: of the longest completion; by default the other half.
        teraflops: what your device does in a second; by default measured, if it is here.
    """
    if teraflops is not None and teraflops <= 0:
        raise ValueError(f"teraflops must be above 0, got {teraflops}")
    chosen = _chosen(recipe, needs_device=False)
    say(f"{_title(chosen)}, {chosen.mentor_base} to {chosen.student_base}: loading ...")
    import torch

    from mkdkit.models import loading
    from mkdkit.pipeline import plan_table, planning

    where = torch.device("cuda") if chosen.profile == "gpu" else loading.device()
    found = []
    for stage in planning.plan(chosen, where, prompt=prompt_tokens, completion=completion_tokens):
        say(f"rehearsed: {stage.name}")
        found.append(stage)
    for line in plan_table.lines(found, where, teraflops=teraflops):
        print(line)


def _chosen(options: RecipeOptions, *, needs_device: bool = True) -> Recipe:
    recipe = options.make(needs_device=needs_device)
    if recipe.profile == "smoke":
        os.environ["MKDKIT_PROFILE"] = "smoke"  # its runs go to a temporary folder
    return recipe


def _title(recipe: Recipe) -> str:
    return f"{recipe.questions.task}, seed {recipe.seed}, profile {recipe.profile}"


def fetch(
    source: Annotated[Literal["mentor-kd", "mcc-kd", "fine-tune-cot"], tyro.conf.Positional],
    task: str | None = None,
    every_mentor: bool = False,
    base_url: str | None = None,
) -> None:
    """Fetch a published set from its public home into data/downloads, and verify it.

    Args:
        source: whose set.
        task: only this task's files; all by default.
        every_mentor: mentor-kd: T5-large's augmentations too, not only Flan-T5-large's.
        base_url: a mirror of the repository's files.
    """
    from mkdkit.teachers import fetching, published

    mentor = None if every_mentor else published.MENTOR
    paths = fetching.fetch(source, task=task, mentor=mentor, base_url=base_url)
    say(f"{len(paths)} files, verified, in {fetching.DOWNLOADS / source}")


def grade(
    file: Annotated[Path, tyro.conf.Positional],
    task: str,
    format: Literal["mentor-kd", "mcc-kd", "fine-tune-cot", "jsonl"] = "mentor-kd",
) -> None:
    """Extract and grade the answers of a rationale file again; print one JSON object.

    Args:
        file: the rationales.
        task: whose answers they are.
        format: how the file is written.
    """
    from mkdkit.teachers import grading

    print(json.dumps(grading.grade(file, task=catalogue.find(task), format=format)))


def ask(
    task: str,
    asking: AskSettings,
    questions: Path | None = None,
    source: QuestionSource = "rule-made",
    data_dir: Path | None = None,
    limit: int | None = None,
    out: Path | None = None,
    budget: str | None = None,
    prices: Path | None = None,
    examples: Path | None = None,
    settings: Path | None = None,
    estimate: bool = False,
) -> None:
    """Ask a teacher for rationales: an OpenAI-compatible server, or a model on this machine.

    The key is read from the environment variable OPENAI_API_KEY; what runs on this machine needs
    none. Stopped at any moment, the same command goes on with what is missing: nothing is asked,
    or paid for, twice.

    Args:
        task: how answers are read; `mkdkit doctor` lists the tasks.
        asking: model, prompts and limits.
        questions: a JSON Lines file with text and answer; by default the source's training
            questions.
        source: where training questions come from.
        data_dir: the folder of a recorded source.
        limit: ask only the first so many.
        out: where rationales go (JSON Lines); by default data/asked/TASK-MODEL.jsonl.
        budget: such as "500000 tokens" or, with a price in the table, "2.50 USD": never passed,
            over all runs on one file.
        prices: your price table; by default data/settings/prices.toml.
        examples: few_shot_cot: a text file of worked questions; by default the published ones.
        settings: a JSON file with more about the questions, such as a Hub set's columns:
            {"questions": {"source": "hub", "data_dir": "openai/gsm8k", "answer_mark": "####"}}.
        estimate: only say what it may cost.
    """
    from mkdkit.teachers.asking import session
    from mkdkit.teachers.asking.examples import read_examples
    from mkdkit.teachers.asking.prices import PRICES

    if asking.prompting == "few_shot_cot" and not asking.worked_examples:
        asking = replace(asking, worked_examples=read_examples(task, examples))
    of_task = catalogue.find(task)
    if not estimate:
        session.require_key(asking)  # before anything is read or fetched
    folder = None if data_dir is None else str(data_dir)
    recipe = Recipe(questions=QuestionSettings(task=task, source=source, data_dir=folder))
    if settings is not None:
        recipe = recipes.with_settings(recipe, settings)
    asked = session.training_questions(of_task, questions, recipe.questions, limit)
    table = prices or PRICES
    say(f"{len(asked)} questions: {session.estimate(asked, asking, price_table=table)}")
    if estimate:
        return
    name = f"{task}-{re.sub(r'[^A-Za-z0-9.-]+', '-', asking.model)}.jsonl"
    path = out or ASKED / name
    done = session.ask(
        asked, task=of_task, settings=asking, out=path, budget=budget, price_table=table
    )
    say(f"{done.rationales} rationales ({done.correct} correct) in {path}; {done.spent}")
    if done.repeated > done.rationales / 10:
        say(f"{done.repeated} of them repeat another of their question: does the server sample?")
    for question, why in list(done.failed.items())[:5]:
        say(f"failed: {question}: {why}")
    if done.failed:
        say(f"{len(done.failed)} questions failed (all in {path}.failed); ask again to try them")
    if done.stopped:
        raise ValueError(f"{done.stopped}; give a larger one, and the same command goes on")


def ablate(
    grid: Annotated[Path, tyro.conf.Positional],
    processes: int = 1,
    scheduler: str | None = None,
    folder: Path | None = None,
) -> None:
    """Measure every cell of a grid over settings, arms and seeds; fill one table, row by row.

    Rows that the table holds are not measured again, so a grid that was stopped goes on. The table
    is data/results/NAME.csv, named as the grid file is; a smoke run's is in a temporary folder.

    Args:
        grid: a TOML file: profile, tasks, arms, seeds, and values of any settings.
        processes: cells measured at a time, each on its share of the cores.
        scheduler: a Dask cluster's address, such as tcp://login-node:8786: its workers measure.
        folder: where the table goes instead.
    """
    if scheduler and processes != 1:
        raise ValueError("--scheduler measures on a cluster and --processes here; give one of them")
    if (scheduler or processes != 1) and launched.processes() > 1:
        raise ValueError(
            "a launcher's processes share every cell; leave --scheduler and --processes"
        )
    from mkdkit.pipeline import grid_file, grids, pools, results

    asked = grid_file.read(grid)
    if asked.profile == "smoke":
        os.environ["MKDKIT_PROFILE"] = "smoke"  # its runs go to a temporary folder
    where = folder or (results.SMOKE if asked.profile == "smoke" else results.RESULTS)
    say(f"{grid_file.describe(asked)}: loading the libraries ...")
    workers = pools.cluster(scheduler) if scheduler else pools.pool(processes)
    with workers as executor:
        failed = grids.fill(
            asked.name, asked.cells, about=asked.about, split=asked.split, folder=where,
            command=f"mkdkit ablate {grid.name}", executor=executor,
        )  # fmt: skip
    say(f"table: {where / asked.name}.csv")
    for cell, why in failed.items():
        say(f"failed: {cell}: {why}")
    if failed:
        word = "cell" if len(failed) == 1 else "cells"
        raise RuntimeError(f"{len(failed)} {word} failed, see above; the same command tries again")


def bench(
    names: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    data_dir: Path | None = None,
    tokenizers: Path | None = None,
) -> None:
    """Time the kit on this machine beside what others do; draw it, and keep the numbers.

    They go to data/results/bench_MACHINE.json, the figure to figures/benchmark.png. All of it
    takes about an hour on two cores that have nothing else to do.

    Args:
        names: which benchmarks; by default all that can be run here.
        data_dir: published rationales; by default what `mkdkit fetch mentor-kd` brought.
        tokenizers: a folder of Flan-T5's tokenizer and configs; by default the Hub's.
    """
    from mkdkit.pipeline import bench as benchmarks

    try:
        for line in benchmarks.run(names, data_dir=data_dir, tokenizers=tokenizers):
            say(line)
    finally:  # what was measured is drawn, though something else failed
        if found := benchmarks.speedups(benchmarks.read()):
            import matplotlib.pyplot as plt

            from mkdkit.show import figures

            plt.style.use(figures.STYLE)
            figures.save(figures.plot_speedups(found), "benchmark")
            say(f"figure: {figures.folder() / 'benchmark.png'}")


def doctor() -> None:
    """Say what this machine can run, and what is missing."""
    from mkdkit.pipeline import doctor as examine

    for line in examine.examine():
        print(line)


def say(text: str) -> None:
    """Print for people, not into a pipe's data; of several processes the first one does."""
    if launched.is_first():
        print(text, file=sys.stderr, flush=True)


COMMANDS: dict[str, Callable[..., Any]] = {
    "run": run,
    "plan": plan,
    "fetch": fetch,
    "grade": grade,
    "ask": ask,
    "ablate": ablate,
    "bench": bench,
    "doctor": doctor,
}
