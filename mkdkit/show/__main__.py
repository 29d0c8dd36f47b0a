"""Draw again every figure that needs no run: `python -m mkdkit.show`, or `make figures`."""

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from mkdkit.show import figures

RESULTS = Path(__file__).parents[2] / "data" / "results"
SIZES = ("student", "middle", "mentor")


def main() -> None:
    """Write the method's picture, the published ablations and the bases' records into figures/."""
    plt.style.use(figures.STYLE)
    figures.save(figures.plot_method(), "method")
    for task in ("tracking_shuffled_objects", "last_letter_concatenation"):
        figures.save(figures.plot_published(task), f"published_{task}")
    figures.save(figures.plot_pretraining(_records()), "tiny_pretraining")


def _records() -> dict[str, Any]:
    """Size -> how its base was made."""
    paths = {size: RESULTS / f"pretrain_{size}.json" for size in SIZES}
    return {
        size: json.loads(path.read_text(encoding="utf-8"))
        for size, path in paths.items()
        if path.is_file()
    }


if __name__ == "__main__":
    main()
