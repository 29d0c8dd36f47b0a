"""Which way of training suits the tiny mentor? Measured on validation, with seeds of its own.

    python -m mkdkit.pipeline.mentor_methods

writes data/results/mentor_methods.csv, row by row, and beside it how it was made. The recipe of
profile tiny uses what won there; test questions have no part in it.
"""

from dataclasses import asdict, replace

from mkdkit.pipeline import recipes, results, stages

TABLE = "mentor_methods"
SEEDS = (100, 101)  # never the seeds of a reported run


def main() -> None:
    """Train the tiny mentor in every way with every seed; append a row for each."""
    (results.RESULTS / f"{TABLE}.csv").unlink(missing_ok=True)
    recipe = recipes.make("tiny")
    for seed in SEEDS:
        for method in recipes.methods():
            seeded = recipes.with_seed(recipe, seed)
            mentor = stages.mentor(replace(seeded, mentor=replace(seeded.mentor, method=method)))
            counts = mentor.done["counts"]
            row = {
                "task": recipe.questions.task,
                "method": method,
                "seed": seed,
                "validation": counts["validation"],
                "steps": counts["steps"],
                "trainable_share": round(100 * counts["trainable"] / counts["parameters"], 1),
                "seconds": mentor.done["seconds"],
                "key": mentor.key,
            }
            results.append_row(TABLE, row)
    command = "python -m mkdkit.pipeline.mentor_methods"
    results.write_provenance(TABLE, command, asdict(recipe))


if __name__ == "__main__":
    main()
