"""One OpenAI-compatible server, asked with retries in one place.

A request that fails in passing (rate limit, time-out, 5xx, a lost connection, a reply that is no
reply) is tried again after a pause that grows; what the server says in Retry-After is kept to. A
request that cannot succeed costs its question; a refusal that concerns all ends the collection.
"""

import asyncio
import os
import random
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self
from urllib.parse import urlsplit

import openai

from mkdkit.teachers import fetching
from mkdkit.teachers.asking import replies
from mkdkit.teachers.asking.parameters import Parameters
from mkdkit.teachers.asking.prices import Cover
from mkdkit.teachers.asking.settings import OPENAI, AskSettings
from mkdkit.teachers.asking.teacher import RefusedError, Reply, UnansweredError

LONGEST_PAUSE = 60.0  # seconds between two tries, unless the server asks for more
LONGEST_WAIT = 600.0  # seconds that a server may ask for; more ends the collection
FIRST_TRIES = 3  # at a server that was never reached: the address is wrong, not the line busy
FIRST_FAILURES = 5  # of this many requests none can succeed: the settings are wrong
ANY = 0  # no limit in particular
CONNECT = 10.0  # seconds until a server must have taken up the connection
UNSENT = ("ConnectError", "ConnectTimeout", "ProxyError")  # nothing came to the server
PASSING = (openai.RateLimitError, openai.InternalServerError, openai.ConflictError)


class UselessError(Exception):
    """A response came, is paid for, and holds no reply that can be used."""


def read_key(settings: AskSettings) -> str:
    """The key from its environment variable; what runs on this machine needs none.

    Raises:
        ValueError: there is none, it cannot be a key, or it would be sent in the clear.
    """
    variable, url = settings.key_variable, urlsplit(settings.base_url or OPENAI)
    is_here = fetching.is_loopback(url.geturl())
    key = os.environ.get(variable, "").strip()
    if settings.endpoint == "local" or (is_here and not key):
        return "none"
    if not key:
        raise ValueError(
            f"no key: set the environment variable {variable}, "
            "or give the base_url of a server on this machine"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ValueError(f"what {variable} holds is no key: it has signs that no header can have")
    if url.scheme == "http" and not is_here and variable == "OPENAI_API_KEY":
        raise ValueError(
            "http would send the key of OPENAI_API_KEY in the clear; use https, or name another "
            "variable with that server's own key in key_variable"
        )
    return key


class Client:
    """Asks one model; use it in an `async with` statement."""

    def __init__(self, settings: AskSettings, key: str) -> None:
        self.settings = settings
        self.identity: dict[str, str] = {}  # a server does not tell
        self._key = key
        self._was_reached = False
        self._costs_nothing = False  # what is in flight: nothing can come of it
        self._answered: set[int] = set()  # limits (max_tokens) within which text ever came
        self._failures: Counter[int] = Counter()  # that no further try would mend, by limit or ANY
        self._parameters = Parameters(settings)
        url = settings.base_url or OPENAI
        connect = min(CONNECT, settings.timeout / 2)  # or the whole would be over first
        self._api = openai.AsyncOpenAI(
            api_key=key,
            base_url=url,
            max_retries=0,  # retries are ours: two layers of them multiply
            timeout=openai.Timeout(settings.timeout, connect=connect),
            http_client=_without_proxy() if fetching.is_loopback(url) else None,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._api.close()

    async def ask(self, prompt: str, *, n: int, have: int, max_tokens: int, cover: Cover) -> Reply:
        """Up to `n` replies to a prompt that has `have` already; some servers give but one.

        Raises:
            UnansweredError: every try failed, or none could succeed.
            OutOfBudgetError: another try is not covered.
            RefusedError: no other request can succeed either.
        """
        reason, pause, number = "", 0.0, 0
        while number < self.settings.tries:
            if number:
                await asyncio.sleep(pause)
                cover.require()
            number += 1
            options = self._parameters.options(n, have, max_tokens)
            try:
                return await self._try(prompt, options, max_tokens, cover)
            except openai.APIStatusError as error:
                self._was_reached = True
                if self._parameters.adapt(error.status_code, self._clean(error), options):
                    number -= 1
                    continue
                reason = self._require_passing(error)
                pause = max(_asked_pause(error), _pause(number))
                if pause > LONGEST_WAIT:
                    raise RefusedError(
                        f"the server asks to wait {pause:,.0f} seconds ({reason}); "
                        "ask again then: what came is kept"
                    ) from None
            except (UnansweredError, RefusedError):
                raise
            except UselessError as error:
                reason, pause = str(error), _pause(number)
            except (openai.APIError, TimeoutError, ValueError) as error:
                reason, pause = self._clean(error) or "no reply in time", _pause(number)
                if type(error.__cause__).__name__ in UNSENT:
                    self._require_reachable(number, error.__cause__)
                else:
                    cover.spend_all()  # it may have been written, and is then paid for
        raise UnansweredError(f"{reason} ({self.settings.tries} tries)")

    async def _try(
        self, prompt: str, options: dict[str, Any], max_tokens: int, cover: Cover
    ) -> Reply:
        """One request; an UselessError says why what came is no reply."""
        try:
            async with asyncio.timeout(self.settings.timeout):
                response = await self._send(prompt, options)
        except asyncio.CancelledError:
            if not self._costs_nothing:
                cover.spend_all()  # the server writes on, and is then paid for
            raise
        cover.spend(*replies.tokens(response, prompt))
        try:
            reply = replies.read(response, self.settings, max_tokens)
        except replies.NoTextError as error:
            self._fail_early(str(error), max_tokens)
            raise
        except replies.WrongModelError as error:
            self._fail_early(f"{error}; accept_any_model takes its answers all the same")
            raise UselessError(str(error)) from None
        except ValueError as error:
            raise UselessError(str(error)) from None
        self._was_reached = True
        self._answered |= {ANY, max_tokens}
        return reply

    async def _send(self, prompt: str, options: dict[str, Any]) -> Any:
        if self.settings.endpoint == "chat":
            messages: Any = [{"role": "user", "content": prompt}]
            return await self._api.chat.completions.create(messages=messages, **options)
        return await self._api.completions.create(prompt=prompt, **options)

    def _require_passing(self, error: openai.APIStatusError) -> str:
        """Why the try failed, if another may not; raises otherwise."""
        said = f"{error.status_code}: {self._clean(error)}"
        body = error.body if isinstance(error.body, dict) else {}
        has_no_money = body.get("code") == "insufficient_quota"
        if error.status_code in (408, 424) or (isinstance(error, PASSING) and not has_no_money):
            return said
        hints = {
            401: f"is {self.settings.key_variable} the right key?",
            402: "the account has no money left",
            403: "this key may not do that",
            404: f"is there a model {self.settings.model!r}, and is base_url right?",
        }
        hint = hints.get(error.status_code, "")
        is_for_all = error.status_code in (401, 402, 404) or has_no_money
        if is_for_all or (error.status_code == 403 and not self._answered):
            self._costs_nothing = not self._answered  # what is in flight is refused like this one
            raise RefusedError(f"the server refuses: {said}; {hint}") from None
        self._fail_early(f"the server refuses: {said}")
        raise UnansweredError(said) from None

    def _fail_early(self, reason: str, limit: int = ANY) -> None:
        """End all if nothing was ever answered, and one request after another cannot succeed."""
        self._failures[limit] += 1
        if limit not in self._answered and self._failures[limit] >= FIRST_FAILURES:
            raise RefusedError(f"{reason} (so it was with the first {FIRST_FAILURES} requests)")

    def _require_reachable(self, tries: int, why: BaseException | None) -> None:
        if not self._was_reached and tries >= FIRST_TRIES:
            self._costs_nothing = True  # whoever waits for a connection now pays nothing either
            url = urlsplit(str(self._api.base_url))  # its user and password are nobody's business
            where = f"{url.scheme}://{url.hostname}{f':{url.port}' if url.port else ''}{url.path}"
            said = self._clean(why) if why and str(why) else "in time"
            raise RefusedError(f"no server answers at {where} ({said}); check base_url")

    def _clean(self, error: BaseException) -> str:
        """What an error says, the server's own words if the library has none, without the key."""
        said = str(error)
        if isinstance(error, openai.APIStatusError) and said == f"Error code: {error.status_code}":
            said = error.response.text
        return " ".join(said.replace(self._key, "***").split())[:300]


def _without_proxy() -> openai.DefaultAsyncHttpxClient:
    """For this machine: a proxy would ask its own, and read the key on the way."""
    return openai.DefaultAsyncHttpxClient(mounts={"http://": None, "https://": None})


def _pause(number: int) -> float:
    """Seconds before the next try: twice as long each time, drawn so that clients spread out."""
    return min(LONGEST_PAUSE, 0.5 * 2 ** (number - 1)) * random.uniform(0.5, 1.0)


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
