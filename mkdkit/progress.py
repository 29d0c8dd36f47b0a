"""Progress bars: shown where they are wanted, and nowhere when TQDM_DISABLE is set."""

from collections.abc import Iterable
from typing import Any

from tqdm.auto import tqdm


def bar(items: Iterable[Any] | None = None, *, is_shown: bool = True, **options: Any) -> Any:
    """Return a bar of `tqdm`, over items if there are any, with its other options.

    Not `disable=False`: that would overrule TQDM_DISABLE, which pools of processes set.
    """
    if not is_shown:
        options["disable"] = True
    return tqdm(items, **options)  # type: ignore[call-overload]
