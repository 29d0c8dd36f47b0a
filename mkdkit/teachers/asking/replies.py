"""What a server's response holds: replies, tokens, the model's name; odd ones are told apart."""

import re
from collections.abc import Mapping
from typing import Any

from mkdkit.teachers.asking import prompts
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.asking.teacher import Reply, UnansweredError

# what may stand behind a model's name and leave it the same model: a date, a version
_VERSION = re.compile(r"-(\d{4}-?\d{2}-?\d{2}|\d{4}|v?\d+(\.\d+)*|latest|preview)(-|$)|[:@]|$")


class WrongModelError(ValueError):
    """Another model answered than the one that was asked."""


def read(response: Any, settings: AskSettings) -> Reply:
    """Return the replies of a response; those that were held back are left out.

    Raises:
        UnansweredError: the content filter held all of them back.
        WrongModelError: another model answered.
        ValueError: there is no reply in it.
    """
    choices = [choice for choice in getattr(response, "choices", None) or () if choice is not None]
    if not choices:
        raise ValueError("the response held no choices")
    model = str(getattr(response, "model", None) or "")
    if model and not settings.accept_any_model and not is_named(model, settings.model):
        raise WrongModelError(f"the server answered as model {model!r}")
    let_through = [one for one in choices if one.finish_reason != "content_filter"]
    if not let_through:
        raise UnansweredError("the server's content filter held it back")
    said = [_said(choice) for choice in let_through]
    said = [one for one in said if one.text or one.reasoning]
    if not said:
        raise ValueError("the reply was empty")
    request = getattr(response, "_request_id", None) or getattr(response, "id", None)
    return Reply(said, model, request)


def tokens(response: Any, prompt: str) -> tuple[int, int]:
    """Prompt and completion tokens; where the server does not say: bytes, which are no fewer."""
    usage = getattr(response, "usage", None)
    counts = [getattr(usage, name, None) for name in ("prompt_tokens", "completion_tokens")]
    choices = [choice for choice in getattr(response, "choices", None) or () if choice is not None]
    said = [_said(choice) for choice in choices]
    written = sum(len((one.text + one.reasoning).encode()) for one in said)
    sent, received = (count if isinstance(count, int) else None for count in counts)
    return (
        len(prompt.encode()) if sent is None else sent,
        written if received is None else received,
    )


def _said(choice: Any) -> Said:
    """One reply, its hidden reasoning apart."""
    message = getattr(choice, "message", None)
    place = choice if message is None else message
    text = _joined(getattr(place, "text" if message is None else "content", None))
    hidden = getattr(place, "reasoning_content", None) or getattr(place, "reasoning", None)
    text, reasoning = prompts.split_thought(text, hidden if isinstance(hidden, str) else None)
    return Said(text.strip(), reasoning, str(choice.finish_reason))


def _joined(content: Any) -> str:
    """The text of a reply, which some servers give in parts."""
    if isinstance(content, list):
        return "".join(_joined(part) for part in content)
    if isinstance(content, Mapping):  # {"type": "text", "text": "..."}; a part of another kind: ""
        return _joined(content.get("text"))
    return content if isinstance(content, str) else ""


def is_named(answered: str, asked: str) -> bool:
    """Whether a server's name for its model can mean the one asked for (dated, with a folder)."""
    answered, asked = answered.rstrip("/"), asked.rstrip("/")
    if answered.startswith(asked) and _VERSION.match(answered[len(asked) :]):
        return True
    return answered.endswith(f"/{asked}") or asked.endswith(f"/{answered}")
