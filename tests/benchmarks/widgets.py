"""How long a reader waits for a widget: opening it, and a turn of each control, at 5,000 texts."""

import asyncio
import statistics
import time
from collections.abc import Callable

import numpy as np
from record import keep

from mkdkit.filters import filter_rationales
from mkdkit.next_tokens import NextTokens
from mkdkit.pipeline import sizing
from mkdkit.settings import FilterSettings, TeacherSettings
from mkdkit.show import widgets
from mkdkit.tasks import catalogue, procedural
from mkdkit.teachers import scripted

QUESTIONS, EACH = 1000, 5
TOKENS, VOCABULARY = 200, 6  # of the microscope's text, and alternatives of each token
TASK = "multi_step_arithmetic"


def seconds_of(turn: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = time.perf_counter()
    turn()
    return time.perf_counter() - began


def put(control: object, *values: object) -> list[float]:
    """Seconds of each turn of a control, value by value."""
    return [seconds_of(lambda value=value: setattr(control, "value", value)) for value in values]


def text_widgets() -> dict[str, dict[str, float]]:
    """Seconds to open, and the slowest of some turns, of what shows text."""
    task = catalogue.find(TASK)
    questions = procedural.make_questions(TASK, QUESTIONS, seed=0)
    teacher = TeacherSettings(rationales_per_question=EACH, slip_rate=0.5)
    written = scripted.write_rationales(questions, task=task, settings=teacher)
    settings = FilterSettings()
    filtered = filter_rationales(written, questions=questions, task=task, settings=settings)
    found: dict[str, dict[str, float]] = {}

    def opened(name: str, make: Callable[[], object]) -> object:
        began = time.perf_counter()
        widget = make()
        found[name] = {"open_s": round(time.perf_counter() - began, 3)}
        return widget

    browser: widgets.RationaleBrowser = opened(  # type: ignore[assignment]
        "browser",
        lambda: widgets.rationale_browser(questions, written, task=task, filtered=filtered),
    )
    turns = put(browser.search, "9", "97", "nowhere", "") + put(browser.verdict, "wrong", "all")
    turns += [seconds_of(browser.wrong.click) for _ in range(5)]
    found["browser"]["turn_s"] = round(max(turns), 3)

    bench: widgets.FilterBench = opened(  # type: ignore[assignment]
        "filter_bench", lambda: widgets.filter_bench(questions, written, task=task)
    )
    switches = bench.children[0].children[0].children
    turns = [t for one in switches for t in put(one, not one.value, one.value)]
    found["filter_bench"]["turn_s"] = round(max(turns), 3)

    said = {name: written[start::EACH] for start, name in enumerate(("a", "b", "c"))}
    view: widgets.Comparison = opened(  # type: ignore[assignment]
        "comparison", lambda: widgets.comparison(questions, said, task=task)
    )
    turns = [*put(view.choice, *view.choice.options), seconds_of(view.forth.click)]
    found["comparison"]["turn_s"] = round(max(turns), 3)
    return found


def other_widgets() -> dict[str, dict[str, float]]:
    """The same of the microscope, with a text of 200 tokens, and of what draws a figure."""
    draw = np.random.default_rng(0)
    names = ("mentor", "base", "student")
    view = NextTokens(
        tokens=tuple(f" {n}" for n in range(TOKENS)),
        temperatures=(1.0, 2.0, 4.0),
        likeliest=tuple(tuple(f" {n + i}" for i in range(VOCABULARY)) for n in range(TOKENS)),
        probabilities={name: draw.random((3, TOKENS, VOCABULARY)) / 10 for name in names},
        entropies={name: draw.random((3, TOKENS)) for name in names},
        divergences={name: draw.random((3, TOKENS)) for name in names[1:]},
    )
    began = time.perf_counter()
    scope = widgets.soft_label_microscope(view)
    opened = time.perf_counter() - began
    turns = put(scope.heat, 2.0, 4.0) + put(scope.slider, 3, 100)
    turns += put(scope.quantity, *scope.quantity.options)
    found = {"microscope": {"open_s": round(opened, 3), "turn_s": round(max(turns), 3)}}

    opened = seconds_of(widgets.loss_playground)
    play = widgets.loss_playground()
    turns = put(play.kd_weight, 0.1, 0.9) + put(play.student[0], 1.0, -1.0)
    found["loss_playground"] = {
        "open_s": round(opened, 3),
        "turn_s": round(statistics.median(turns), 3),
    }
    return found


def planning() -> dict[str, dict[str, float]]:
    """Of the planner: a turn shows what is held and its figure; a step's count comes after that."""
    opened, turns, steps = [], [], []

    async def turn() -> None:
        began = time.perf_counter()
        plan = widgets.planner(sizing.memory, sizing.collection, sizes=sizing.SIZES)
        opened.append(time.perf_counter() - began)
        for size in sizing.SIZES:
            plan.size.value = size  # a size's first turn builds its models
            for tokens in (256, 384, 768):
                turns.extend(put(plan.tokens, tokens))
                began = time.perf_counter()
                assert plan.counting is not None
                await plan.counting
                steps.append(time.perf_counter() - began)

    asyncio.run(turn())
    found = {"open_s": max(opened), "turn_s": max(turns)}
    found |= {"step_s": statistics.median(steps), "slowest_step_s": max(steps)}
    return {"planner": {name: round(value, 3) for name, value in found.items()}}


def exploring() -> dict[str, dict[str, float]]:
    """Of the ablation explorer, over a table of 200 rows."""
    draw = np.random.default_rng(0)
    rows = [
        {"task": task, "arm": arm, "seed": seed, "accuracy": draw.uniform(20, 90), "key": "k"}
        for task in ("sums", "swaps", "dates", "coins", "letters")
        for arm in ("base", "answer_only", "fine_tune_cot", "equal_steps", "mentor_kd")
        for seed in range(8)
    ]
    began = time.perf_counter()
    view = widgets.ablation_explorer(rows)
    opened = time.perf_counter() - began
    turns = put(view.x, *view.x.options)
    return {"explorer": {"open_s": round(opened, 3), "turn_s": round(max(turns), 3)}}


def main() -> None:
    """Time every widget in the kernel; what the browser does besides is not in it."""
    found = text_widgets() | other_widgets() | planning() | exploring()
    for name, times in found.items():
        keep(f"widgets.{name}", times)
        print(name, times, flush=True)


if __name__ == "__main__":
    main()
