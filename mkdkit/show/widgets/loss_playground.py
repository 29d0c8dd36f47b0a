"""The loss playground: drag two small distributions and see what the student's loss does."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from ipywidgets import (
    HTML,
    Button,
    Checkbox,
    Dropdown,
    FloatSlider,
    HBox,
    Image,
    Label,
    VBox,
)

from mkdkit.show import canvas, cards, playground

TOKENS = ("7", "1", "9", "2", "so")
MENTOR, STUDENT = (2.0, 1.2, 0.0, -1.0, -2.0), (0.5, 0.0, 0.0, 0.0, 0.5)
LARGEST = 4.0  # logits go from minus this to this
RATE = 1.0  # of the step that the button takes


class LossPlayground(VBox):
    """Sliders for the logits and for λ and τ, above the loss; `weighed` is what they give."""

    weighed: playground.Weighed

    def __init__(
        self, tokens: Sequence[str], mentor: Sequence[float], student: Sequence[float]
    ) -> None:
        self.tokens = list(tokens)
        self.mentor = [_slider(token, value) for token, value in zip(tokens, mentor, strict=True)]
        self.student = [_slider(token, value) for token, value in zip(tokens, student, strict=True)]
        labels = [(token, number) for number, token in enumerate(tokens)]
        self.label = Dropdown(options=labels, value=0, description="in the rationale", **_WIDE)
        self.kd_weight = FloatSlider(0.5, min=0, max=1, step=0.05, description="λ", **_LATE)
        self.temperature = FloatSlider(1, min=0.5, max=5, step=0.25, description="τ", **_LATE)
        self.divergence = Dropdown(
            options=[*playground.DIVERGENCES], description="divergence", **_WIDE
        )
        self.squared = Checkbox(False, description="times τ²", **_WIDE)
        self.step = Button(description="one step", tooltip="the student follows its gradient")
        self.card, self.picture = HTML(), Image(format="png")
        sides = [VBox([Label("mentor's logits"), *self.mentor])]
        sides += [VBox([Label("student's logits"), *self.student])]
        mix = [self.label, self.kd_weight, self.temperature, self.divergence, self.squared]
        super().__init__([HBox([*sides, VBox([*mix, self.step])]), self.picture, self.card])
        for control in (*self.mentor, *self.student, *mix):
            control.observe(self._show, "value")
        self.step.on_click(self._take_step)
        self._show()

    def _show(self, _: object = None) -> None:
        label = int(self.label.value or 0)
        self.weighed = playground.weigh(
            [one.value for one in self.mentor],
            [one.value for one in self.student],
            label,
            kd_weight=self.kd_weight.value,
            temperature=self.temperature.value,
            divergence=str(self.divergence.value),
            tau_squared=self.squared.value,
        )
        self.card.value = str(cards.table([playground.describe(self.weighed)], digits=3).data)
        self.picture.value = _png(self.weighed, self.tokens, label)

    def _take_step(self, _: object = None) -> None:
        push = -np.sum([*self.weighed.gradients.values()], axis=0)
        for slider, by in zip(self.student, push, strict=True):
            slider.unobserve(self._show, "value")  # shown once, when all have moved
            slider.value = max(-LARGEST, min(LARGEST, slider.value + RATE * float(by)))
            slider.observe(self._show, "value")
        self._show()


_WIDE = {"style": {"description_width": "8em"}, "layout": {"width": "24em"}}
_LATE = {**_WIDE, "continuous_update": False}  # a figure is drawn: once the slider is let go


def _slider(token: str, value: float) -> FloatSlider:
    look = {"style": {"description_width": "4em"}, "layout": {"width": "20em"}}
    ends = {"min": -LARGEST, "max": LARGEST, "step": 0.1, "readout_format": ".1f"}
    return FloatSlider(value, description=token, continuous_update=False, **ends, **look)


def _png(weighed: playground.Weighed, tokens: Sequence[str], label: int) -> bytes:
    with plt.style.context(canvas.STYLE):
        return canvas.to_png(playground.plot_weighed(weighed, tokens, label))


def loss_playground(
    tokens: Sequence[str] = TOKENS,
    mentor: Sequence[float] = MENTOR,
    student: Sequence[float] = STUDENT,
) -> LossPlayground:
    """Return sliders for two small distributions, and the student's loss between them.

    Args:
        tokens: as text.
        mentor: its logits at the start, one for each token.
        student: the student's.

    Raises:
        ValueError: there are not as many logits as tokens, or fewer than two tokens.
    """
    if len(tokens) < 2 or not len(tokens) == len(mentor) == len(student):
        sizes = f"{len(tokens)} tokens, {len(mentor)} and {len(student)} logits"
        raise ValueError(
            f"a playground needs two tokens or more, each with two logits, got {sizes}"
        )
    return LossPlayground(tokens, mentor, student)
