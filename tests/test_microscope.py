"""What models expect next, token by token: identities, by hand, and as it is shown."""

import math
import re

import numpy as np
import pytest
import torch
from bases import FAMILIES, SAVE

from mkdkit.evaluation import microscope
from mkdkit.models import encoding, loading
from mkdkit.next_tokens import NextTokens
from mkdkit.show import tokens
from mkdkit.show.widgets import soft_label_microscope
from mkdkit.training import losses

TEXT = "Tom has 3 pens. 3 + 4 = 7. --> 7"


@pytest.fixture(params=FAMILIES)
def several(request, bases, tmp_path):
    other = SAVE[request.param](tmp_path / "other", seed=1)
    tokenizer = loading.load_tokenizer(bases[request.param])
    models = {"mentor": loading.load_base(bases[request.param]), "base": loading.load_base(other)}
    row = encoding.encode_row(tokenizer, "How many?", TEXT, request.param)
    return models, tokenizer, row


def test_divergences_add_up_to_the_soft_label_loss_at_every_temperature(several):
    models, tokenizer, row = several
    view = microscope.read(models, tokenizer, row)
    batch = {n: encoding.collate([row], fill=0, model=model) for n, model in models.items()}
    with torch.no_grad():
        logits = {n: encoding.predict_scored(model, batch[n])[0] for n, model in models.items()}
    for heat, tau in enumerate(view.temperatures):
        loss = losses.soft_label_loss(logits["base"], logits["mentor"], temperature=tau)
        assert view.divergences["base"][heat].sum() == pytest.approx(loss.item(), rel=1e-3)


def test_a_model_does_not_diverge_from_itself_and_the_text_is_the_row(several):
    models, tokenizer, row = several
    twice = {"mentor": models["mentor"], "same": models["mentor"]}
    view = microscope.read(twice, tokenizer, row)
    assert view.divergences["same"].max() == 0
    assert np.array_equal(view.entropies["mentor"], view.entropies["same"])
    assert len(view.tokens) == len(row.label)
    assert "".join(view.tokens).replace(" ", "").startswith(TEXT.replace(" ", ""))


def test_the_likeliest_tokens_are_those_of_the_distribution(several):
    models, tokenizer, row = several
    view = microscope.read({"mentor": models["mentor"]}, tokenizer, row, shown=3)
    with torch.no_grad():
        batch = encoding.collate([row], fill=0, model=models["mentor"])
        top = encoding.predict_scored(models["mentor"], batch)[0].softmax(-1).topk(3)
    assert view.probabilities["mentor"][0] == pytest.approx(top.values.numpy(), rel=1e-4)
    assert view.likeliest[2] == tuple(tokenizer.decode([one]) for one in top.indices[2].tolist())


def test_softening_raises_entropy_up_to_that_of_equal_chances(several):
    models, tokenizer, row = several
    view = microscope.read(models, tokenizer, row)
    assert (np.diff(view.entropies["mentor"], axis=0) > 0).all()
    assert view.entropies["mentor"].max() < math.log(models["mentor"].config.vocab_size)


def test_models_of_two_vocabularies_cannot_be_compared(several):
    models, tokenizer, row = several
    models["base"].resize_token_embeddings(len(tokenizer) + 8)
    with pytest.raises(ValueError, match="need one vocabulary, got sizes"):
        microscope.read(models, tokenizer, row)


VIEW = NextTokens(
    tokens=(" 3", "<b>", "\n"),
    temperatures=(1.0, 2.0),
    likeliest=((" 3", "5"), ("<b>", "x"), ("\n", " ")),
    probabilities={
        "mentor": np.array([[[0.75, 0.25], [0.9, 0.1], [0.6, 0.3]], [[0.5, 0.25]] * 3]),
        "base": np.full((2, 3, 2), 0.5),
        "student": np.full((2, 3, 2), 0.25),
    },
    entropies={name: np.ones((2, 3)) for name in ("mentor", "base", "student")},
    divergences={
        "base": np.array([[0.5, 0.1, 0.0], [0.2, 0.1, 0.0]]),
        "student": np.array([[0.1, 0.3, 0.0], [0.1, 0.1, 0.4]]),
    },
)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_card_of_a_token_gives_every_models_shares_and_the_rest():
    said = words(tokens.next_token_card(VIEW, 2).data)
    assert "► ↵ 60.0% 50.0% 25.0%" in said
    assert "␣ 30.0% 50.0% 25.0%" in said
    assert "all other tokens 10.0% 0.0% 50.0%" in said
    assert "► ␣3 50.0%" in words(tokens.next_token_card(VIEW, 0, 2.0).data)


@pytest.mark.parametrize(("place", "temperature"), [(3, 1.0), (-1, 1.0), (0, 1.7)])
def test_a_token_or_temperature_that_is_not_there_is_an_error(place, temperature):
    with pytest.raises(ValueError, match=r"got (3|-1|1\.7)"):
        tokens.next_token_card(VIEW, place, temperature)


def test_what_was_learnt_is_the_divergence_before_minus_that_after():
    gain = tokens.quantities(VIEW)["KL of base minus KL of student"]
    assert gain[0].tolist() == pytest.approx([0.4, -0.2, 0.0])


def test_shades_are_darkest_at_the_largest_value_and_tell_the_sign():
    assert tokens.shades([0.0, 2.0, -1.0]) == [
        f"rgba({tokens.ABOVE},0.000)",
        f"rgba({tokens.ABOVE},0.750)",
        f"rgba({tokens.BELOW},0.375)",
    ]
    assert tokens.shades([0.0]) == [f"rgba({tokens.ABOVE},0.000)"]


def test_the_microscope_opens_where_the_student_is_furthest_from_its_mentor():
    scope = soft_label_microscope(VIEW)
    assert scope.quantity.value == "KL(mentor ‖ student)"
    assert scope.token == 1
    assert scope.card.value == tokens.next_token_card(VIEW, 1).data
    assert "mean 0.133; darkest 0.300, at token 1" in scope.legend.value


def test_a_click_and_the_slider_choose_the_same_token():
    scope = soft_label_microscope(VIEW)
    scope.text.index = 2
    assert scope.token == scope.slider.value == 2
    assert scope.card.value == tokens.next_token_card(VIEW, 2).data
    scope.slider.value = 0
    assert scope.text.index == 0


def test_the_temperature_softens_colours_card_and_tooltips():
    scope = soft_label_microscope(VIEW)
    assert scope.text.tooltips[0].startswith("mentor: ␣3 75%, 5 25%")
    scope.heat.value = 2.0
    assert scope.text.tooltips[0].startswith("mentor: ␣3 50%, 5 25%")
    assert scope.card.value == tokens.next_token_card(VIEW, 1, 2.0).data
    assert f"nth-child(3) {{ background: rgba({tokens.ABOVE},0.750) }}" in scope.colors.value


def test_tokens_are_buttons_text_and_never_markup():
    scope = soft_label_microscope(VIEW)
    assert [label for label, _ in scope.text.options] == [" 3", "<b>", "↵"]
    assert "<b>" not in scope.legend.value
    assert "&lt;b&gt;" in scope.legend.value
    assert "&lt;b&gt;" in scope.card.value
    before = tokens.next_token_card(VIEW, 2).data.partition("<table")[0]  # what stands before it
    assert "&lt;b&gt;" in before


def test_a_text_without_tokens_is_an_error():
    empty = NextTokens((), (1.0,), (), {"m": np.zeros((1, 0, 2))}, {"m": np.zeros((1, 0))}, {})
    with pytest.raises(ValueError, match="needs a text"):
        soft_label_microscope(empty)
