"""What a child process runs: python -m mkdkit.pipeline.stages STAGE RECIPE.json [ARM]."""

import sys

from mkdkit import strict_json
from mkdkit.pipeline import stages
from mkdkit.settings import recipe_from

if __name__ == "__main__":
    stage, path, *arm = sys.argv[1:]
    recipe = recipe_from(strict_json.read(path))
    try:
        getattr(stages, stage)(recipe, *arm)
    except KeyboardInterrupt as stopped:
        sys.stderr.write(f"{str(stopped) or 'interrupted'}\n")
        sys.exit(130)
