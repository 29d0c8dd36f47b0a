"""What a request says beside its prompt, and what a server turned out not to take."""

import logging
import re
from typing import Any

from mkdkit.teachers.asking.settings import AskSettings

log = logging.getLogger("mkdkit")
STOP = ["\nQ:"]  # a plain completion goes on to invent a next question
OPTIONAL = ("temperature", "top_p", "n", "seed", "stop")  # some models take no such parameter
# 'n' : number must be at most 1; Invalid n value; Only one completion choice is allowed
_SEVERAL = re.compile(
    r"""(['"`])n\1|(?<!\\)\bn (?:must|should|can|value)|(?<!\\)\bn ?[=!>]|completion choice"""
)


class Parameters:
    """A model's parameters, fewer of them as its server refuses one after another."""

    def __init__(self, settings: AskSettings) -> None:
        self._settings = settings
        self._limit = "max_tokens"
        self._left_out: set[str] = set()  # of OPTIONAL: what the model does not take

    def options(self, n: int, have: int, max_tokens: int) -> dict[str, Any]:
        """All of a request but its prompt."""
        settings = self._settings
        # top_p is sent though it be 1: a server may have another default of the model's own
        options: dict[str, Any] = {"temperature": settings.temperature, "top_p": settings.top_p}
        options["n"] = n
        if settings.seed is not None:
            options["seed"] = settings.seed + have  # the same one would bring the same replies
        if settings.endpoint == "completion":
            options["stop"] = STOP
        options = {name: value for name, value in options.items() if name not in self._left_out}
        return options | {"model": settings.model, self._limit: max_tokens}

    def adapt(self, status: int, said: str, options: dict[str, Any]) -> bool:
        """Whether, after what the server said to `options`, a try with others may succeed."""
        is_refusal = status in (400, 422)
        if is_refusal and "max_completion_tokens" in said and "max_tokens" in options:
            self._limit = "max_completion_tokens"  # what reasoning models call it
            return True
        name = _refused(said, options) if is_refusal else None
        if status in (400, 422, 500) and options.get("n", 1) > 1 and _SEVERAL.search(said):
            name = "n"  # llama.cpp says so with a 500
        if name is None:
            return False
        if name not in self._left_out:
            log.warning("%s takes no %s: it is left out", self._settings.model, name)
        self._left_out.add(name)
        return True


def _refused(said: str, options: dict[str, Any]) -> str | None:
    """The parameter that a server does not take, if it says so."""
    if options.get("top_p") == 1 and re.search(r"\btop_p\b", said):
        return "top_p"  # Claude takes it or a temperature; at 1 it is the one to leave out
    if "support" not in said:  # Unsupported parameter, does not support ...
        return None
    names = (name for name in OPTIONAL if re.search(rf"""(['"`]){name}\1""", said))
    return next((name for name in names if name in options), None)
