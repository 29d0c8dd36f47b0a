"""Draw again every figure that needs no run: `python -m mkdkit.show`, or `make figures`."""

import json
from pathlib import Path

import matplotlib.pyplot as plt

from mkdkit.show import figures

RESULTS = Path(__file__).parents[2] / "data" / "results"
SIZES = ("student", "middle", "mentor")


def main() -> None:
    """Write the method's picture, the published ablations and the tiny bases' making."""
    plt.style.use(figures.STYLE)
    figures.save(figures.plot_method(), "method")
    for task in ("tracking_shuffled_objects", "last_letter_concatenation"):
        figures.save(figures.plot_published(task), f"published_{task}")
    texts = {size: (RESULTS / f"pretrain_{size}.json").read_text("utf-8") for size in SIZES}
    records = {size: json.loads(text) for size, text in texts.items()}
    figures.save(figures.plot_pretraining(records), "tiny_pretraining")


if __name__ == "__main__":
    main()
