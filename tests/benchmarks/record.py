"""Where benchmarks keep what they found: one JSON file a machine, a key for every number."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mkdkit.pipeline import bench, folders


def keep(key: str, values: dict[str, Any], *, path: Path | None = None) -> None:
    """Put `values` under a dotted key, such as "distill.svamp.fp32", in place of what was there."""
    machine = folders.machine()
    path = path or bench.path_for(machine)
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    *path_to, last = key.split(".")
    place = found
    for part in path_to:
        place = place.setdefault(part, {})
    place[last] = values
    command = f"python tests/benchmarks/{Path(sys.argv[0]).name}"
    about = {"command": command, "finished": datetime.now(UTC).isoformat(timespec="minutes")}
    found["provenance"] = found.get("provenance", {}) | {key: about | machine}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
