"""What a collection costs: a price table that the reader keeps, an estimate, a budget.

No price is known here. `data/settings/prices.toml` holds what the reader wrote into it; without
an entry for a model, tokens alone are counted.
"""

import math
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PRICES = Path(__file__).parents[3] / "data" / "settings" / "prices.toml"


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens of a model cost."""

    prompt: float  # that are sent
    completion: float  # that are written, hidden reasoning among them
    currency: str

    def cost(self, prompt_tokens: float, completion_tokens: float) -> float:
        """In units of the currency."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1e6


def find_price(model: str, *, path: Path = PRICES) -> Price | None:
    """The price of a model, or None if the table has none.

    Raises:
        ValueError: the table cannot be read; the message names the entry and what it needs.
    """
    if not path.is_file():
        return None
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # numbers of 5,000 digits among them
        raise ValueError(f"{path}: not TOML: {error}") from error
    entry = table.get(model)
    if entry is None:
        return None
    needs = 'needs prompt and completion (per million tokens, 0 or more) and currency ("USD")'
    try:
        price = Price(float(entry["prompt"]), float(entry["completion"]), str(entry["currency"]))
    except (TypeError, KeyError, ValueError):
        raise ValueError(f'{path}, ["{model}"]: {needs}') from None
    if not (0 <= price.prompt < math.inf and 0 <= price.completion < math.inf):
        raise ValueError(f'{path}, ["{model}"]: {needs}')
    return price


@dataclass(frozen=True, slots=True)
class Limit:
    """A budget: so much money, or so many tokens."""

    amount: float
    unit: str  # a currency, or "tokens"


def parse_budget(text: str, price: Price | None) -> Limit:
    """Read a budget: "2.50 USD", "500000 tokens".

    Raises:
        ValueError: it has another form, or the model has no price in that currency.
    """
    amount, _, unit = text.strip().partition(" ")
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", amount):  # 1,000 but not 2,50
        amount = amount.replace(",", "")
    try:
        limit = Limit(float(amount), unit.strip())
    except ValueError:
        limit = Limit(0.0, "")
    if not 0 < limit.amount < math.inf or not limit.unit:
        raise ValueError(f'budget must be such as "2.50 USD" or "500000 tokens", got {text!r}')
    if limit.unit == "tokens" or (price is not None and limit.unit == price.currency):
        return limit
    known = f"prices of this model are in {price.currency}" if price else "it has no price"
    raise ValueError(
        f"a budget in {limit.unit} needs the model's price in {PRICES.name}, but {known}; "
        'give a budget in tokens ("500000 tokens"), or write the price there'
    )


class OutOfBudgetError(Exception):
    """The next request is not covered."""


class Spending:
    """Tokens and money spent, and what is in flight: a request starts only if it is covered.

    A request in flight is taken to cost as much as it can: a token for each byte of its prompt,
    and all the tokens it may write.
    """

    def __init__(self, price: Price | None = None, limit: Limit | None = None) -> None:
        self.price, self.limit = price, limit
        self.prompt_tokens: float = 0
        self.completion_tokens: float = 0
        self.requests = 0  # in flight
        self._in_flight = 0.0  # set aside for them

    @contextmanager
    def reserve(self, prompt_tokens: float, completion_tokens: float) -> Iterator["Cover"]:
        """Set aside what a request can cost, until it has ended.

        Raises:
            OutOfBudgetError: that is not covered.
        """
        most = self.measure(prompt_tokens, completion_tokens)
        self.require(most)
        self._in_flight += most
        self.requests += 1
        try:
            yield Cover(self, prompt_tokens, completion_tokens)
        finally:
            self.requests -= 1
            self._in_flight = self._in_flight - most if self.requests else 0.0

    def require(self, more: float) -> None:
        """Make sure that `more` is covered, beside what is spent and in flight.

        Raises:
            OutOfBudgetError: it is not.
        """
        if self.limit is not None and self.spent() + self._in_flight + more > self.limit.amount:
            raise OutOfBudgetError

    def add(self, prompt_tokens: float, completion_tokens: float) -> None:
        """Count what was spent."""
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def spent(self) -> float:
        """In the limit's unit (tokens if there is none)."""
        return self.measure(self.prompt_tokens, self.completion_tokens)

    def in_words(self) -> str:
        """Such as "1,234 tokens, 0.12 USD"."""
        tokens = f"{self.prompt_tokens + self.completion_tokens:,.0f} tokens"
        if self.price is None:
            return tokens
        cost = self.price.cost(self.prompt_tokens, self.completion_tokens)
        return f"{tokens}, {cost:.4g} {self.price.currency}"

    def measure(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Tokens in the limit's unit (tokens if there is none)."""
        if self.price is None or self.limit is None or self.limit.unit == "tokens":
            return prompt_tokens + completion_tokens
        return self.price.cost(prompt_tokens, completion_tokens)


class Cover:
    """What was set aside for one request: each of its tries spends, and needs what is set aside."""

    def __init__(self, spending: Spending, prompt_tokens: float, completion_tokens: float) -> None:
        self._spending = spending
        self._most = prompt_tokens, completion_tokens  # of one try
        self.prompt_tokens: float = 0  # spent, in all tries
        self.completion_tokens: float = 0

    def spend_all(self) -> None:
        """Count a try of which nothing is known: it may have cost all that was set aside."""
        self.spend(*self._most)

    def spend(self, prompt_tokens: float, completion_tokens: float) -> None:
        """Count what one try cost, whether its reply is of use or not."""
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self._spending.add(prompt_tokens, completion_tokens)

    def require(self) -> None:
        """Make sure that one more try is covered, after those that were spent.

        Raises:
            OutOfBudgetError: it is not.
        """
        self._spending.require(0.0)
