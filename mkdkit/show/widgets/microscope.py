"""The soft-label microscope: a text token by token, and what each model expects at one of them."""

from html import escape

import numpy as np
from ipywidgets import HTML, Dropdown, IntSlider, SelectionSlider, ToggleButtons, VBox, link

from mkdkit.next_tokens import NextTokens
from mkdkit.show import tokens

NAMED = {"style": {"description_width": "9em"}, "layout": {"width": "36em"}}
TEXT = """<style>
.{name}.widget-toggle-buttons {{ width: auto; }}
.{name} > .widget-label {{ display: none; }}
.{name} button.widget-toggle-button {{ width: auto; min-width: 0; height: 1.7em; padding: 0 1px;
  margin: 1px 0; border: none; box-shadow: none; overflow: visible; background: none;
  color: inherit; font-family: monospace; line-height: 1.7em; white-space: pre; }}
.{name} button.widget-toggle-button.mod-active {{ outline: 2px solid currentColor; }}
{rules}
</style>"""


class Microscope(VBox):
    """Menus above a coloured text of buttons, above the card of the chosen token.

    `token` is the number of the chosen token, `temperature` the τ of what is shown.
    """

    def __init__(self, view: NextTokens) -> None:
        self.view, self.quantities = view, tokens.quantities(view)
        self.quantity = Dropdown(options=[*self.quantities], description="coloured by", **NAMED)
        heats = [(f"{tau:g}", tau) for tau in view.temperatures]
        self.heat = SelectionSlider(options=heats, description="temperature τ", **NAMED)
        self.slider = IntSlider(max=len(view.tokens) - 1, description="token", **NAMED)
        labels = [(tokens.shown_in_text(token), place) for place, token in enumerate(view.tokens)]
        self.text = ToggleButtons(options=labels, description="tokens of the text")
        self.colors, self.legend, self.card = HTML(), HTML(), HTML()
        self.name = f"mkdkit-tokens-{self.text.model_id}"
        link((self.slider, "value"), (self.text, "index"))
        controls = [self.quantity, self.heat, self.slider]
        super().__init__([*controls, self.colors, self.text, self.legend, self.card])
        self.text.add_class(self.name)
        for one in (self.quantity, self.heat):
            one.observe(self._color, "value")
        for one in (self.slider, self.heat):
            one.observe(self._look, "value")
        self._color()
        self.slider.value = int(np.argmax(self._values()))  # calls _look, but not for token 0
        self._look()

    @property
    def token(self) -> int:
        """Number of the chosen token."""
        return self.slider.value

    @property
    def temperature(self) -> float:
        """The τ of what is shown."""
        return self.heat.value

    def _values(self) -> list[float]:
        heat = self.view.temperatures.index(self.temperature)
        return self.quantities[str(self.quantity.value)][heat].tolist()

    def _color(self, _: object = None) -> None:
        values = self._values()
        rules = "\n".join(
            f".{self.name} button.widget-toggle-button:nth-child({place}) {{ background: {color} }}"
            for place, color in enumerate(tokens.shades(values), start=1)
        )
        self.colors.value = TEXT.format(name=self.name, rules=rules)
        self.text.tooltips = [tokens.tooltip(self.view, n, self.temperature) for n in self._all()]
        most = int(np.argmax(np.abs(values)))
        where = escape(tokens.visible(self.view.tokens[most]))
        self.legend.value = (
            f"<p>{escape(str(self.quantity.value))}, nats: mean {np.mean(values):.3f}; darkest "
            f"{values[most]:.3f}, at token {most} (<code>{where}</code>)</p>"
        )

    def _all(self) -> range:
        return range(len(self.view.tokens))

    def _look(self, _: object = None) -> None:
        card = tokens.next_token_card(self.view, self.token, self.temperature)
        self.card.value = str(card.data)


def soft_label_microscope(view: NextTokens) -> Microscope:
    """Return a text coloured by what models expect at each token, and a card of the chosen one.

    A token is chosen by a click, or by the slider and the arrow keys; the pointer over one shows
    its likeliest alternatives. The temperature softens all that is shown.

    Args:
        view: from `evaluation.microscope.read`.

    Raises:
        ValueError: the text has no tokens.
    """
    if not view.tokens:
        raise ValueError("a microscope needs a text, got one without tokens")
    return Microscope(view)
