"""How a teacher is asked: behind a server, or on this machine."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

OPENAI = "https://api.openai.com/v1"
Endpoint = Literal["chat", "completion", "local"]
Prompting = Literal["zero_shot_cot", "one_prompt", "few_shot_cot", "fine_tuned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSettings:
    """Model, prompts and limits of one collection."""

    model: str  # as the server calls it; local: a shipped base, a folder, or a name on the Hub
    base_url: str | None = None  # of the API, such as http://localhost:8000/v1; None: OpenAI's
    endpoint: Endpoint = "chat"  # local: the model runs in this process, without a server
    four_bit: bool = False  # local: hold the weights in 4 bits (NF4)
    # zero_shot_cot: two prompts, as the papers; one_prompt: with an answer mark; few_shot_cot: with
    # worked examples; fine_tuned: a causal model that was trained here
    prompting: Prompting = "zero_shot_cot"
    worked_examples: str = ""  # few_shot_cot: text that is written before every question
    rationales_per_question: int = 3  # how many are asked for
    until_correct: int = 0  # ask on until so many different ones are correct; 0: ask once
    at_most: int = 12  # rationales of one question that is asked on
    temperature: float = 0.7  # randomness of what is written; 0: none
    top_p: float = 1.0  # write within this much of the probability mass
    max_tokens: int = 512  # of one rationale
    answer_max_tokens: int = 32  # of the second prompt's reply
    seed: int | None = None  # sent if given, plus the sample's number; few servers heed it
    concurrency: int = 16  # requests at a time; local: questions in a batch
    tries: int = 6  # of one request
    timeout: float = 120.0  # seconds that one try may take
    accept_any_model: bool = False  # some servers answer under another name than the one asked for
    key_variable: str = "OPENAI_API_KEY"  # environment variable that holds the key

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ValueError("model must be named; it is what the server calls its model")
        if self.base_url is not None and not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base_url must begin with http:// or https://, got {self.base_url!r}")
        for name, choices in (("endpoint", Endpoint), ("prompting", Prompting)):
            if getattr(self, name) not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise ValueError(f"{name} must be one of {known}, got {getattr(self, name)!r}")
        whole = ("rationales_per_question", "at_most", "max_tokens", "answer_max_tokens")
        for name in (*whole, "concurrency", "tries", "timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)!r}")
        if self.until_correct < 0:
            raise ValueError(f"until_correct must be 0 or more, got {self.until_correct}")
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError(
                "temperature must be 0 or more and top_p above 0 up to 1, got "
                f"{self.temperature!r} and {self.top_p!r}"
            )
        if self.prompting == "fine_tuned" and self.endpoint == "chat":
            raise ValueError(
                "a model that was fine-tuned here knows no chat; use endpoint completion or local"
            )

    def asked(self) -> dict[str, Any]:
        """What makes two answers comparable; not how many, how fast, how often and where."""
        without = ("rationales_per_question", "until_correct", "at_most", "concurrency", "tries")
        without += ("timeout", "accept_any_model", "key_variable", "base_url")
        return {name: value for name, value in asdict(self).items() if name not in without}
