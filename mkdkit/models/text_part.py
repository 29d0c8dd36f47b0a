"""The part of a model that text reaches; of a model for several media it is not all."""

from typing import Any


def freeze_the_rest(model: Any) -> None:
    """Freeze what no text reaches: a tower that reads pictures or sound, and its way to the text.

    It would get no gradient, and several processes would wait for one.

    Args:
        model: any; one for text alone stays as it is.
    """
    config = model.config
    if config.is_encoder_decoder or config.get_text_config() is config:
        return
    parts = (model.get_input_embeddings(), model.get_decoder(), model.get_output_embeddings())
    reached = {id(weight) for part in parts for weight in part.parameters()}
    for weight in model.parameters():
        if id(weight) not in reached:
            weight.requires_grad = False
