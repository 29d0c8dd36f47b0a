"""Draw again every figure that needs no run: `python -m mkdkit.show`, or `make figures`."""

import matplotlib.pyplot as plt

from mkdkit.show import figures


def main() -> None:
    """Write the method's picture and the published ablations into figures/."""
    plt.style.use(figures.STYLE)
    figures.save(figures.plot_method(), "method")
    for task in ("tracking_shuffled_objects", "last_letter_concatenation"):
        figures.save(figures.plot_published(task), f"published_{task}")


if __name__ == "__main__":
    main()
