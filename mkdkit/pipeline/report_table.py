"""A run's report as lines to read: accuracies, what the filter did, and what each stage took."""

from collections.abc import Iterator, Mapping
from typing import Any


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a report, as `stages.read_report` returns it."""
    yield f"\n{'arm':28}{'accuracy':>9}   95% interval    right / asked"
    for arm in report["arms"]:
        low, high = arm["interval"]
        counts = f"{arm['correct']} / {arm['n']}"
        interval = f"{low:5.1f} to {high:5.1f}"
        yield f"{arm['name']:28}{arm['accuracy']:8.1f}%   {interval:16}{counts}"
    yield f"{'(always the likeliest answer)':28}{report['majority_answer']:8.1f}%"
    outcomes = report["filter"]["by_source"]
    widths = {"teacher": 9, "mentor": 9} | ({"unlabelled": 12} if "unlabelled" in outcomes else {})
    yield f"\n{'rationales':28}" + "".join(f"{one:>{width}}" for one, width in widths.items())
    for reason in ("kept", *report["filter"]["dropped"]):
        cells = {source: outcomes.get(source, {}).get(reason, "") for source in widths}
        if any(cells.values()):
            yield f"{reason:28}" + "".join(f"{cells[one]:>{widths[one]}}" for one in widths)
    yield f"\n{'stage':28}{'seconds':>9}{'peak GiB':>10}   for"
    for stage in report["stages"]:
        serves = ", ".join(stage["arms"]) or "all arms"
        yield f"{stage['name']:28}{stage['seconds']:9.1f}{stage['peak_gib']:10.2f}   {serves}"
