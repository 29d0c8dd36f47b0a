"""One OpenAI-compatible server, asked with retries in one place.

A request that fails in passing (rate limit, time-out, 5xx, a lost connection, a reply that is no
reply) is tried again after a pause that grows; what the server says in Retry-After is kept to. A
request that cannot succeed costs its question; a refusal that concerns all ends the collection.
"""

import asyncio
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import openai

from mkdkit.teachers.asking import prompts
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.settings import AskSettings

LONGEST_PAUSE = 60.0  # seconds between two tries, unless the server asks for more
FIRST_TRIES = 3  # at a server that was never reached: the address is wrong, not the line busy
STOP = ["\nQ:"]  # a plain completion goes on to invent a next question
PASSING = (openai.RateLimitError, openai.InternalServerError, openai.ConflictError)


class UnansweredError(Exception):
    """This request has no answer, and will have none; the message says why."""


class RefusedError(ValueError):
    """No request can succeed: a wrong key, model or address, or no money left."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What one request brought."""

    said: list[Said]
    model: str  # as the server names it
    prompt_tokens: int  # where the server does not say: bytes, which are no fewer
    completion_tokens: int
    request_id: str | None


def read_key(settings: AskSettings) -> str:
    """The key from its environment variable; a server on this machine needs none.

    Raises:
        ValueError: there is none.
    """
    key = os.environ.get(settings.key_variable, "").strip()
    if key:
        return key
    host = urlsplit(settings.base_url or "").hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        return "none"
    raise ValueError(
        f"no key: set the environment variable {settings.key_variable}, "
        "or give the base_url of a server on this machine"
    )


class Client:
    """Asks one model; use it in an `async with` statement."""

    def __init__(self, settings: AskSettings, key: str) -> None:
        self.settings = settings
        self._key = key
        self._was_reached = False
        self._limit = "max_tokens"
        self._api = openai.AsyncOpenAI(
            api_key=key,
            base_url=settings.base_url,
            max_retries=0,  # retries are ours: two layers of them multiply
            timeout=settings.timeout,
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.close()

    async def ask(self, prompt: str, *, n: int, max_tokens: int) -> Reply:
        """Up to `n` replies to a prompt; some servers give one, however many are asked for.

        Raises:
            UnansweredError: every try failed, or none could succeed.
            RefusedError: no other request can succeed either.
        """
        reason, pause = "", 0.0
        for number in range(self.settings.tries):
            if number:
                await asyncio.sleep(pause)
            try:
                async with asyncio.timeout(self.settings.timeout):
                    return self._read(await self._send(prompt, n, max_tokens), prompt)
            except openai.APIStatusError as error:
                self._was_reached = True
                reason = self._require_passing(error)
                pause = max(_asked_pause(error), _pause(number))
            except (openai.APIError, TimeoutError, ValueError) as error:
                reason, pause = self._clean(error) or "no reply in time", _pause(number)
                lost = type(error) is openai.APIConnectionError and not self._was_reached
                if lost and number + 1 >= FIRST_TRIES:
                    where = self._api.base_url
                    raise RefusedError(f"no server answers at {where}; check base_url") from None
        raise UnansweredError(f"{reason} ({self.settings.tries} tries)")

    async def _send(self, prompt: str, n: int, max_tokens: int) -> Any:
        settings = self.settings
        options: dict[str, Any] = {"temperature": settings.temperature, "top_p": settings.top_p}
        options |= {"model": settings.model, self._limit: max_tokens, "n": n}
        if settings.seed is not None:
            options["seed"] = settings.seed
        if settings.endpoint == "chat":
            messages: Any = [{"role": "user", "content": prompt}]
            return await self._api.chat.completions.create(messages=messages, **options)
        return await self._api.completions.create(prompt=prompt, stop=STOP, **options)

    def _read(self, response: Any, prompt: str) -> Reply:
        """The replies of a response; a ValueError says why it is none."""
        choices = getattr(response, "choices", None)
        if not choices:
            raise ValueError("the response held no choices")
        self._was_reached = True
        model = str(response.model or "")
        if not self.settings.accept_any_model and not _is_named(model, self.settings.model):
            raise ValueError(f"the server answered as model {model!r}")
        if any(choice.finish_reason == "content_filter" for choice in choices):
            raise UnansweredError("the server's content filter held it back")
        said = [_said(choice) for choice in choices]
        if not any(one.text or one.reasoning for one in said):
            raise ValueError("the reply was empty")
        usage = response.usage
        return Reply(
            said=said,
            model=model,
            prompt_tokens=usage.prompt_tokens if usage else len(prompt.encode()),
            completion_tokens=usage.completion_tokens if usage else _bytes_of(said),
            request_id=getattr(response, "_request_id", None) or response.id,
        )

    def _require_passing(self, error: openai.APIStatusError) -> str:
        """Why the try failed, if another may not; raises otherwise."""
        said = f"{error.status_code}: {self._clean(error)}"
        body = error.body if isinstance(error.body, dict) else {}
        if isinstance(error, PASSING) and body.get("code") != "insufficient_quota":
            return said
        if "max_completion_tokens" in said and self._limit == "max_tokens":
            self._limit = "max_completion_tokens"  # what reasoning models call it
            return said
        if error.status_code == 408:
            return said
        if isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
            raise UnansweredError(said) from None
        hints = {
            401: f"is {self.settings.key_variable} the right key?",
            403: "this key may not do that",
            404: f"is there a model {self.settings.model!r}, and is base_url right?",
        }
        raise RefusedError(
            f"the server refuses: {said}; {hints.get(error.status_code, '')}"
        ) from None

    def _clean(self, error: BaseException) -> str:
        """An error's message without the key."""
        return " ".join(str(error).replace(self._key, "***").split())[:300]


def _said(choice: Any) -> Said:
    message = getattr(choice, "message", None)
    text = (choice.text if message is None else message.content) or ""
    hidden = None
    if message is not None:
        hidden = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
    text, reasoning = prompts.split_thought(text, hidden if isinstance(hidden, str) else None)
    return Said(text.strip(), reasoning, str(choice.finish_reason))


def _bytes_of(said: list[Said]) -> int:
    return sum(len((one.text + one.reasoning).encode()) for one in said)


def _is_named(answered: str, asked: str) -> bool:
    """Whether a server's name for its model can mean the one asked for (dated, with a folder)."""
    return (
        answered == asked
        or answered.startswith((f"{asked}-", f"{asked}:", f"{asked}@"))
        or answered.rstrip("/").endswith(f"/{asked}")
        or asked.rstrip("/").endswith(f"/{answered}")
    )


def _pause(number: int) -> float:
    """Seconds before the next try: twice as long each time, drawn so that clients spread out."""
    return min(LONGEST_PAUSE, 0.5 * 2**number) * random.uniform(0.5, 1.0)


def _asked_pause(error: openai.APIStatusError) -> float:
    """Seconds that the server asks for in Retry-After (a number or a date); 0 if it does not."""
    asked = error.response.headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
