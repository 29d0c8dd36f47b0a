"""What models expect next at every token of one text: plain numbers, made once, to be looked at."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class NextTokens:
    """Distributions over the next token along one text, for several models and temperatures.

    The first model is the one the others are compared with, such as a student's mentor. In every
    array the first axis is the temperature and the second the token.
    """

    tokens: tuple[str, ...]  # the text
    temperatures: tuple[float, ...]
    likeliest: tuple[tuple[str, ...], ...]  # of each token: the k that some model thinks likeliest
    probabilities: dict[str, np.ndarray]  # model -> (temperatures, tokens, k), of those
    entropies: dict[str, np.ndarray]  # model -> (temperatures, tokens), nats
    divergences: dict[str, np.ndarray]  # all but the first -> KL(first ‖ it), nats

    @property
    def models(self) -> tuple[str, ...]:
        """Their names, the one that is compared with first."""
        return tuple(self.probabilities)
