"""One Jupyter kernel for a long day: stages asked for again and again, widgets turned."""

import json
from dataclasses import dataclass

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

SETUP = """
import gc, json, os
from pathlib import Path
import matplotlib.pyplot as plt
from mkdkit.evaluation import statistics
from mkdkit.pipeline import recipes, stages
from mkdkit.show import figures, widgets
plt.style.use(figures.STYLE)
recipe = recipes.make("smoke")
ARMS = ("base", "fine_tune_cot")

def ask(number):
    # most are loaded, as when a notebook is run again; one in ten is computed anew
    arm = ARMS[number % 2]
    stage = stages.scores(recipe, arm, fresh=number % 10 == 0)
    stages.read_answers(stage)
    if number % 10 == 5:
        stages.load_model(stages.student(recipe, "fine_tune_cot"))

playground = widgets.loss_playground()
rows = [{"arm": arm, "seed": seed, "λ": weight, "accuracy": 50.0 + seed + weight, "n": 100,
         "correct": 50 + seed, "key": f"{arm}{seed}{weight}"}
        for arm in ("a", "b") for seed in (1, 2, 3) for weight in (0.0, 0.3, 1.0)]
explorer = widgets.ablation_explorer(rows, wilson=statistics.wilson_interval,
                                     student_t=statistics.mean_interval)

def turn(number):
    if number % 2:
        playground.kd_weight.value = (number % 20) / 20
    else:
        explorer.x.value = ("seed", "λ", "arm")[number // 2 % 3]

def measure():
    gc.collect()
    status = Path("/proc/self/status").read_text()
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {"mib": int(status.split("VmRSS:")[1].split()[0]) / 1024,
            "files": len(os.listdir("/proc/self/fd")), "children": len(children),
            "figures": len(plt.get_fignums())}
"""


@dataclass(frozen=True)
class Measured:
    """What a kernel holds at one moment."""

    mib: float  # resident memory
    files: int  # open file handles
    children: int  # processes
    figures: int  # of matplotlib, open


def live_long(asks: int, turns: int, *, seconds: int = 3600) -> tuple[Measured, Measured]:
    """What a kernel holds once it is warm, and after so many stage calls and widget redraws."""
    cells = [
        SETUP,
        "for number in range(20): ask(number)\nfor number in range(60): turn(number)\n"
        "print(json.dumps(measure()))",
        f"for number in range({asks}): ask(number)\nfor number in range({turns}): turn(number)\n"
        "print(json.dumps(measure()))",
    ]
    notebook = new_notebook(cells=[new_code_cell(source) for source in cells])
    NotebookClient(notebook, timeout=seconds, kernel_name="python3").execute()
    found = []
    for cell in notebook.cells[1:]:
        lines = "".join(
            output.text for output in cell.outputs if output.get("name") == "stdout"
        ).splitlines()
        found.append(Measured(**json.loads(lines[-1])))
    return found[0], found[1]
