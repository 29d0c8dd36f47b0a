"""What a server's response holds: replies, tokens, the model's name; odd ones are told apart."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mkdkit.teachers.asking import prompts
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.asking.teacher import Reply, UnansweredError

# what may stand behind a model's name and leave it the same model: a date, a version
_VERSION = re.compile(r"-(\d{4}-?\d{2}-?\d{2}|\d{4}|v?\d+(\.\d+)*|latest|preview)(-|$)|[:@]|$")


class WrongModelError(ValueError):
    """Another model answered than the one that was asked."""


class NoTextError(UnansweredError):
    """The model reasoned in hiding, and said nothing: asking again would be paid for again."""


def read(response: Any, settings: AskSettings, max_tokens: int) -> Reply:
    """Return the replies of a response; those held back, and those without text, are left out.

    Raises:
        UnansweredError: the content filter held all of them back.
        NoTextError: none has more than hidden reasoning; `max_tokens` may have been too few.
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
    require_text(said, settings, max_tokens)
    said = [one for one in said if one.text]
    if not said:
        raise ValueError("the reply was empty")
    request = getattr(response, "_request_id", None) or getattr(response, "id", None)
    return Reply(said, model, request)


def require_text(said: Sequence[Said], settings: AskSettings, max_tokens: int) -> None:
    """Make sure that not all that was written is hidden reasoning.

    Raises:
        NoTextError: it is; the message names the setting to raise if it was cut off.
    """
    if any(one.text for one in said):
        return
    if any(one.finish_reason == "length" for one in said):
        limits = ["max_tokens", "answer_max_tokens"][: 1 + (settings.prompting == "zero_shot_cot")]
        named = " or ".join(name for name in limits if getattr(settings, name) == max_tokens)
        raise NoTextError(
            f"the limit of {max_tokens} tokens was used up by hidden reasoning; raise {named}"
        )
    if any(one.reasoning for one in said):
        raise NoTextError("the reply was empty but for hidden reasoning")


def tokens(response: Any, prompt: str) -> tuple[int, int]:
    """Prompt and completion tokens; where the server does not say: bytes, which are no fewer."""
    usage = getattr(response, "usage", None)
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    counts = [getattr(usage, name, None) for name in names]
    choices = [choice for choice in getattr(response, "choices", None) or () if choice is not None]
    said = [_said(choice) for choice in choices]
    written = sum(len((one.text + one.reasoning).encode()) for one in said)
    sent, received, total = (count if isinstance(count, int) else None for count in counts)
    if received is None:
        received = written
    if sent is None:
        return len(prompt.encode()), received
    # Grok, and gateways to Gemini, count hidden reasoning in the total alone
    return sent, received if total is None else max(received, total - sent)


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
