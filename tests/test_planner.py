"""The planner says what `mkdkit plan` says, reckons as one does by hand, and never breaks."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest
import torch

from mkdkit.models import footprint
from mkdkit.pipeline import planning, recipes, sizing
from mkdkit.settings import TrainingSettings
from mkdkit.show import planning_figure
from mkdkit.show.widgets.planner import GIB, planner
from mkdkit.training import rehearsal

CUDA = torch.device("cuda")  # planned for; none need be here
SMALL = "Flan-T5 small (77 million)"
CAUSAL = "causal 1B (1.2 billion)"


def planned(base, settings) -> dict[str, int]:
    """The parts as `mkdkit plan` finds them, from a model of all its layers."""
    bases = recipes.with_bases(recipes.smoke(), mentor=base, student=base)
    stage = next(planning.plan(replace(bases, mentor=settings), CUDA))
    assert stage.name == "mentor: training"
    held, run = stage.held, stage.run
    parts = {"weights": held.weights, "adapter": held.adapter, "optimiser": held.optimiser}
    parts |= {"activations": run.activations, "logits": run.logits}
    return parts | {"backward pass, on top": stage.peak - sum(parts.values())}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, str]:
    """Folders with the config alone of each published size."""
    found = {}
    for size, config in sizing.SHAPES.items():
        folder = tmp_path_factory.mktemp("shape")
        (folder / "config.json").write_text(json.dumps(config))
        found[size] = str(folder)
    return found


# (method, rank, batch, tokens): usual ones, and one where gradients outweigh activations
TRAININGS = [("full", 16, 8, 512), ("qlora", 16, 8, 512), ("lora", 64, 32, 128), ("full", 8, 1, 64)]


@pytest.mark.parametrize(("method", "rank", "batch_size", "tokens"), TRAININGS)
@pytest.mark.parametrize("size", ["tiny-mentor", SMALL, CAUSAL])
def test_memory_is_to_the_byte_what_a_plan_of_all_layers_says(
    folders, size, method, rank, batch_size, tokens
):
    asked = {"batch_size": batch_size, "method": method}
    settings = TrainingSettings(lora_rank=rank, max_tokens=tokens, validations=0, **asked)
    found = sizing.memory(size, rank=rank, tokens=tokens, **asked)
    assert found == planned(folders.get(size, size), settings)


def test_memory_is_what_a_plan_says_of_googles_own_config(published_data):
    settings = TrainingSettings(method="qlora", batch_size=4, max_tokens=256, validations=0)
    found = sizing.memory("Flan-T5 base (248 million)", method="qlora", batch_size=4, tokens=256)
    assert found == planned(str(published_data / "tokenizers" / "flan-t5-base"), settings)


def test_a_moment_that_only_deep_models_have_is_missed_by_less_than_a_percent(folders):
    """An adapter of high rank on short rows: its gradients rule from some layer on."""
    asked = {"method": "qlora", "batch_size": 1}
    size = "Flan-T5 XL (2.8 billion)"
    settings = TrainingSettings(lora_rank=64, max_tokens=64, precision="bf16", **asked)
    model, held = footprint.hold(folders[size], settings, CUDA, to_train=True)
    run = rehearsal.training_step(model, settings, rehearsal.row_of(32, 32), CUDA)
    real = held.weights + held.adapter + held.optimiser + run.peak
    found = sum(sizing.memory(size, rank=64, tokens=64, **asked).values())
    assert 0.99 * real < found <= real


PUBLISHED = [76_961_152, 247_577_856, 783_150_080, 2_849_757_184, 11_135_332_352]
PUBLISHED += [1_235_814_400, 8_030_261_248]  # as Google's and Meta's checkpoints have them


@pytest.mark.parametrize(
    ("size", "parameters"), [*zip(sizing.SHAPES, PUBLISHED, strict=True)], ids=[*sizing.SHAPES]
)
def test_shapes_have_their_published_parameters(folders, size, parameters):
    _, held = footprint.hold(folders[size], TrainingSettings(), CUDA, to_train=True)
    assert held.parameters == parameters
    named = size.partition("(")[2].rstrip(")").split()
    unit = {"million": 1e6, "billion": 1e9}[named[1]]
    assert float(named[0]) == pytest.approx(parameters / unit, rel=0.03)
    # two moments of four bytes, and a count of steps for every tensor
    found = sizing.memory(size, method="full", with_step=False)
    assert found["weights"] == pytest.approx(4 * parameters, rel=1e-5)
    assert found["optimiser"] == pytest.approx(8 * parameters, rel=1e-5)


def test_without_a_step_there_is_what_is_held():
    whole = sizing.memory("tiny-mentor", method="lora", batch_size=2, tokens=64)
    held = sizing.memory("tiny-mentor", method="lora", with_step=False)
    assert held == {part: whole[part] for part in ("weights", "adapter", "optimiser")}


@pytest.mark.parametrize(
    ("size", "changes", "message"),
    [
        ("huge", {}, "size must be one of tiny-student, .*, got 'huge'; choose one"),
        (SMALL, {"method": "half"}, "method must be .* got 'half'"),
        (SMALL, {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        (SMALL, {"tokens": 1}, "at least 1 token each"),
    ],
)
def test_a_training_that_cannot_be_is_refused(size, changes, message):
    with pytest.raises(ValueError, match=message):
        sizing.memory(size, **{"method": "lora"} | changes)


# a collection

ASKED = {"rationales": 3, "prompt_tokens": 200, "completion_tokens": 300}


def test_a_collection_costs_what_one_reckons_by_hand():
    limits = {"requests_a_minute": 60, "tokens_a_minute": 30_000}
    found = sizing.collection(1000, **ASKED, prices=(0.5, 2.0), **limits)
    assert found["requests"] == 3000
    assert found["tokens sent"] == 600_000
    assert found["tokens written"] == 900_000
    assert found["cost"] == pytest.approx(0.6 * 0.5 + 0.9 * 2.0)  # 2.10
    assert found["minutes"] == 50  # 3,000 requests at 60; 1,500,000 tokens at 30,000 take as long


def test_the_tighter_limit_decides_the_time():
    def minutes(**limits):
        return sizing.collection(1000, **ASKED, **limits)["minutes"]

    assert minutes(requests_a_minute=10, tokens_a_minute=30_000) == 300
    assert minutes(requests_a_minute=600, tokens_a_minute=15_000) == 100
    assert minutes(tokens_a_minute=15_000) == 100
    assert minutes() is None


def test_one_request_a_question_sends_its_prompt_once():
    found = sizing.collection(1000, **ASKED, in_one_request=True)
    assert found["requests"] == 1000
    assert found["tokens sent"] == 200_000
    assert found["tokens written"] == 900_000
    assert found["cost"] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"questions": 0}, "questions must be above 0, got 0; write a larger number"),
        ({"prompt_tokens": -5}, "prompt tokens must be above 0, got -5"),
        ({"requests_a_minute": 0}, "requests a minute must be above 0"),
        ({"tokens_a_minute": float("nan")}, "tokens a minute must be above 0, got nan"),
        ({"prices": (1.0, -2.0)}, r"prices must be 0 or more, got \(1.0, -2.0\)"),
    ],
)
def test_a_collection_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        sizing.collection(**{"questions": 10} | ASKED | changes)


# the figure

WAYS = {"full": {"weights": 10.0, "optimiser": 20.0}, "LoRA": {"weights": 10.0, "optimiser": 0.5}}


def lines_of(ax) -> dict[float, float]:
    return {line.get_xdata()[0]: line.get_linewidth() for line in ax.lines}


def test_a_figure_shows_the_first_gpu_that_holds_the_longest_bar():
    ax = planning_figure.plot_memory_on_gpus(WAYS, chosen=16)
    lines = lines_of(ax)
    assert [*sorted(lines)] == [8, 16, 24, 40]
    assert [gpu for gpu, width in lines.items() if width > 1] == [16]
    widths = [bar.get_width() for bars in ax.containers for bar in bars]
    assert widths == [10, 10, 20, 0.5]
    assert ax.get_xlim()[0] == 0
    numbers = {text.get_text() for text in ax.texts}
    assert numbers == {"30", "10.5", "8", "16", "24", "40", "GPU, GiB:"}


def test_lines_that_lie_close_have_one_number_and_the_chosen_gpu_has_its_own():
    ax = planning_figure.plot_memory_on_gpus({"full": {"weights": 500.0}}, chosen=16)
    numbers = {text.get_text() for text in ax.texts}
    assert "16" in numbers
    assert not {"8", "24"} & numbers
    assert {"80", "500"} <= numbers
    ax = planning_figure.plot_memory_on_gpus({"full": {"weights": 1500.0}})
    assert ax.texts[0].get_text() == "1,500"


def test_a_figure_of_nothing_is_refused():
    with pytest.raises(ValueError, match="needs ways to train and GPUs of more than 0 GiB"):
        planning_figure.plot_memory_on_gpus({})


# the widget


@pytest.fixture
def plan():
    return planner(sizing.memory, sizing.collection, sizes=sizing.SIZES)


def test_it_shows_what_its_controls_say(plan):
    assert plan.size.value == "tiny-student"
    assert plan.parts == sizing.memory("tiny-student", method="qlora")
    before = bytes(plan.picture.value)
    assert before.startswith(b"\x89PNG")
    plan.size.value, plan.method.value = "tiny-mentor", "lora"
    plan.rank.value, plan.batch_size.value, plan.tokens.value = 4, 2, 64
    asked = {"method": "lora", "rank": 4, "batch_size": 2, "tokens": 64}
    assert plan.parts == sizing.memory("tiny-mentor", **asked)
    assert bytes(plan.picture.value) != before
    taken = sum(plan.parts.values()) / GIB
    said = f"tiny-mentor, LoRA of rank 4, 2 rows of 64 tokens: <b>fits: {taken:.3g} of 16 GiB"
    assert said in plan.fits.value
    assert f"{taken:.3f}</td>" in plan.table.value


def test_a_gpu_that_is_too_small_is_said_to_be(plan):
    plan.size.value, plan.method.value = CAUSAL, "full"
    plan.gpu.value = 24
    taken = sum(plan.parts.values()) / GIB
    assert taken == pytest.approx(4.6 * 3 + 14.2, abs=0.2)  # weights, two moments; a step
    assert f"does not fit: {taken:.3g} of 24 GiB" in plan.fits.value
    plan.gpu.value = 40
    assert f"<b>fits: {taken:.3g} of 40 GiB" in plan.fits.value


def test_full_training_has_no_rank(plan):
    assert not plan.rank.disabled
    plan.method.value = "full"
    assert plan.rank.disabled


def test_beside_a_running_loop_what_is_held_comes_first_and_a_step_is_counted_once():
    asked = []

    def memory(size, *, with_step=True, **chosen):
        asked.append((chosen["rank"], with_step))
        return {"weights": 4 * GIB} | ({"activations": 13 * GIB} if with_step else {})

    async def turn():
        plan = planner(memory, sizing.collection, sizes=["one"])
        assert plan.parts == {"weights": 4 * GIB}
        assert "<b>4 of 16 GiB</b> are held between steps" in plan.fits.value
        plan.rank.value = 32
        plan.rank.value = 64  # before the step of 32 was counted
        await plan.counting
        assert "does not fit: 17 of 16 GiB" in plan.fits.value
        plan.method.value = "full"
        await plan.counting
        plan.method.value = "qlora"  # known by now
        assert sum(plan.parts.values()) == 17 * GIB

    asyncio.run(turn())
    assert [rank for rank, with_step in asked if with_step] == [64, 64]


def test_the_page_goes_on_while_a_step_is_counted_and_says_what_cannot_be():
    heard = threading.Event()

    def memory(size, *, rank, with_step=True, **_):
        if rank == 64:
            raise ValueError("no such rank")
        if with_step:
            assert heard.wait(5), "the loop stood still"
        return {"weights": rank * GIB}

    async def turn():
        plan = planner(memory, sizing.collection, sizes=["one"])
        await asyncio.sleep(0.6)  # by now it is counted, in its thread
        heard.set()
        await plan.counting
        assert "fits: 16 of 16 GiB" in plan.fits.value
        plan.rank.value = 64
        await plan.counting
        assert "no such rank" in plan.fits.value
        assert plan.parts == {}

    asyncio.run(turn())


def test_a_control_moved_in_another_thread_is_not_overtaken_by_a_count_that_goes_on():
    counting, moved = threading.Event(), threading.Event()

    def memory(size, *, rank, with_step=True, **_):
        if rank == 32 and with_step:  # while it is counted, the control moves on
            counting.set()
            moved.wait(0.5)
        return {"weights": rank * GIB}

    plan = planner(memory, sizing.collection, sizes=["one"])
    first = threading.Thread(target=setattr, args=(plan.rank, "value", 32))
    first.start()
    counting.wait()
    second = threading.Thread(target=setattr, args=(plan.rank, "value", 64))
    second.start()
    second.join(0.2)
    moved.set()
    for thread in (first, second):
        thread.join()
    assert plan.parts == {"weights": 64 * GIB}


def test_a_collection_is_reckoned_from_the_fields(plan):
    plan.questions.value, plan.rationales.value = 1000, 3
    plan.prompt.value, plan.completion.value = 200, 300
    assert "cost unknown: give both prices" in plan.says.value
    plan.price_in.value, plan.price_out.value = "0.5", " 2 "
    plan.requests.value, plan.rate.value = "60", "15,000"
    assert plan.costs["cost"] == pytest.approx(2.1)
    assert "<b>cost 2.10</b>" in plan.says.value
    assert "<b>time 100 minutes</b>" in plan.says.value
    plan.together.value = True
    assert plan.costs["tokens sent"] == 200_000


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("price_in", "2,5", "price of 10⁶ tokens sent must be a number such as 2.5, got"),
        ("price_in", "3", "a price needs both its fields, got one"),
        ("requests", "<img src=x>", "&#x27;&lt;img src=x&gt;&#x27;"),
        ("rate", "inf", "tokens a minute must be a number"),
        ("rate", "0", "tokens a minute must be above 0, got 0"),
        ("questions", -1, "questions must be above 0, got -1"),
    ],
)
def test_a_number_that_cannot_be_is_a_sentence_until_it_can(plan, field, value, message):
    control = getattr(plan, field)
    good, said = control.value, plan.says.value
    control.value = value
    assert message in plan.says.value
    assert "<img" not in plan.says.value
    assert plan.costs == {}
    control.value = good
    assert plan.says.value == said


def test_a_training_that_cannot_be_is_a_sentence_and_leaves_no_old_figure():
    def memory(size, **chosen):
        if chosen["rank"] > 16:
            raise ValueError("rank <b> is too high")
        return {"weights": GIB}

    plan = planner(memory, sizing.collection, sizes=["one"])
    plan.rank.value = 32
    assert "rank &lt;b&gt; is too high" in plan.fits.value
    assert (plan.picture.value, plan.table.value, plan.parts) == (b"", "", {})
    plan.gpu.value = 8
    plan.rank.value = 8
    assert "fits: 1 of 8 GiB" in plan.fits.value


def test_a_planner_needs_sizes():
    with pytest.raises(ValueError, match=r"got none; pass sizing\.SIZES"):
        planner(sizing.memory, sizing.collection, sizes=[])
    with pytest.raises(ValueError, match="size must be one of one, got 'two'"):
        planner(sizing.memory, sizing.collection, sizes=["one"], size="two")
