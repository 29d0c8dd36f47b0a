"""What a child process runs: python -m mkdkit.pipeline.stages STAGE RECIPE.json [ARM]."""

import json
import sys
from pathlib import Path

from mkdkit.pipeline import stages
from mkdkit.settings import recipe_from

if __name__ == "__main__":
    stage, path, *arm = sys.argv[1:]
    recipe = recipe_from(json.loads(Path(path).read_text(encoding="utf-8")))
    try:
        getattr(stages, stage)(recipe, *arm)
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"{stopped or 'interrupted'}\n")
        sys.exit(130)
