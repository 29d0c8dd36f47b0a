"""Text to tokens and back: what a model is shown, what is scored, and where the logits for it are.

Two families are served by the same functions. An encoder-decoder model (T5) reads the prompt with
its encoder, and its logit at a position predicts the label of that same position. A causal model
reads prompt and label as one sequence, and its logit at position t predicts token t + 1. This is
the only file that knows the difference.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor

from mkdkit.models import prompting
from mkdkit.models.rows import Row, Rows
from mkdkit.records import Question, Rationale, by_id
from mkdkit.settings import Template
from mkdkit.tasks import answers

Family = Literal["causal", "encoder-decoder"]
IGNORE_INDEX = -100  # a label that is not scored: prompt and padding


def family_of(model: Any) -> Family:
    """Return the family of a model, by its config."""
    return "encoder-decoder" if config_of(model).is_encoder_decoder else "causal"


def config_of(model: Any) -> Any:
    """Return a model's config, also where several processes hold the model in a wrapper."""
    return getattr(model, "module", model).config


def vocabulary_of(model: Any) -> int:
    """Return how many logits a model gives for a token."""
    return vocabulary_in(config_of(model))


def vocabulary_in(config: Any) -> int:
    """Return the same by its config; that of a model of several media has it further in."""
    return config.get_text_config().vocab_size


def positions_of(model: Any) -> int | None:
    """Return how many positions a model has; None: no limit (T5's are distances)."""
    return getattr(config_of(model).get_text_config(), "max_position_embeddings", None)


def require_positions(model: Any, longest: int, what: str) -> None:
    """Raise a ValueError if a causal model cannot read so many tokens, with what it writes."""
    limit = positions_of(model)
    if family_of(model) == "causal" and limit is not None and longest > limit:
        raise ValueError(
            f"{what} has {longest} tokens, more than the {limit} that the model reads; lower "
            "max_tokens, the filters' too, or choose a base that reads more"
        )


def encode_prompt(tokenizer: Any, text: str, family: Family) -> tuple[int, ...]:
    """Return the prompt's token ids, as fine-tuned models here are trained to read it."""
    prompt = prompting.fine_tuned(text) if family == "causal" else prompting.clean_text(text)
    return encode_text(tokenizer, prompt, family)


def encode_text(tokenizer: Any, text: str, family: Family) -> tuple[int, ...]:
    """Return the token ids of a text to be read as it stands (for prompting a base model)."""
    ids = list(tokenizer(text).input_ids)
    if family == "causal" and ids and ids[-1] == tokenizer.eos_token_id:
        ids.pop()  # some tokenizers end every text; a causal prompt must stay open
    return tuple(ids)


def encode_row(tokenizer: Any, prompt: str, completion: str, family: Family) -> Row:
    """Return a question and the completion to learn as a row of token ids."""
    lead = " " if family == "causal" else ""
    ids = tokenizer(lead + prompting.clean_text(completion), add_special_tokens=False).input_ids
    label = (*ids, end_token(tokenizer))
    return Row(encode_prompt(tokenizer, prompt, family), label)


def end_token(tokenizer: Any) -> int:
    """Return the id of the end-of-sequence token, which every completion ends in."""
    if tokenizer.eos_token_id is None:
        raise ValueError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no end-of-sequence token, so a model "
            "could never learn to stop; set tokenizer.eos_token in its tokenizer_config.json"
        )
    return tokenizer.eos_token_id


def fill_token(tokenizer: Any) -> int:
    """Return the id that fills short rows; without a pad token the end token serves.

    That is safe here, and only here: attention and scoring are masked by length, never by
    comparing ids with this one, so a real end token stays scored.
    """
    return end_token(tokenizer) if tokenizer.pad_token_id is None else tokenizer.pad_token_id


def encode_completions(
    tokenizer: Any,
    questions: Sequence[Question],
    rationales: Iterable[Rationale],
    *,
    family: Family,
    template: Template,
    max_tokens: int,
    find_answers: bool = False,
) -> Rows:
    """Return one row per rationale: its question, then the rationale with its answer.

    A right rationale ends in the reference answer, as the data set writes it. A wrong one, where
    filters keep any, ends in its own answer; one without an answer is learnt without mark. With
    `find_answers` the tokens that first tell it are found, which takes longer.

    Raises:
        ValueError: a rationale's question is not among `questions`, or a row is longer than
            `max_tokens` (filters drop such rows; cutting one would cut its answer off).
    """
    known = by_id(questions)

    def places(completion: str, answer: str) -> tuple[int, int]:
        texts = (completion[:end] for end in answers.find_answer(completion, answer))
        start, stop = (len(encode_row(tokenizer, "", text, family).label) - 1 for text in texts)
        return min(start, stop - 1), stop  # one token may hold more than the answer

    def encode(rationale: Rationale) -> Row:
        question = known.find(rationale.question_id)
        if question is None:
            raise ValueError(f"no question {rationale.question_id!r} for one of the rationales")
        completion = _learnt(rationale, question, template)
        row = encode_row(tokenizer, question.text, completion, family)
        require_length(row, question.id, max_tokens)
        answer = _ends_in(rationale, question) if find_answers else None
        return row if answer is None else replace(row, answer=places(completion, answer))

    return Rows(map(encode, rationales))


def encode_answers(
    tokenizer: Any, questions: Sequence[Question], *, family: Family, max_tokens: int
) -> Rows:
    """Return one row per question with the bare answer as its completion (answer-only arm)."""

    def encode(question: Question) -> Row:
        completion = f"{answers.ARROW} {question.answer}"
        row = encode_row(tokenizer, question.text, completion, family)
        require_length(row, question.id, max_tokens)
        return row

    return Rows(map(encode, questions))


def require_length(row: Row, question_id: str, max_tokens: int) -> None:
    """Raise a ValueError if a row is too long to be learnt whole."""
    if len(row) > max_tokens:
        raise ValueError(
            f"question {question_id!r}: a row has {len(row)} tokens, more than max_tokens = "
            f"{max_tokens}; raise max_tokens, or let the filter drop what is too long"
        )


def counter(tokenizer: Any, family: Family, template: Template) -> Callable[..., int]:
    """Return a function (question, rationale) -> tokens of the row, as filters ask for it."""

    def count_tokens(question: Question, rationale: Rationale) -> int:
        completion = _learnt(rationale, question, template)
        return len(encode_row(tokenizer, question.text, completion, family))

    return count_tokens


def _learnt(rationale: Rationale, question: Question, template: Template) -> str:
    """Return the completion that is learnt from a rationale."""
    answer = _ends_in(rationale, question)
    text = rationale.text
    return text.strip() if answer is None else answers.completion_text(text, answer, template)


def _ends_in(rationale: Rationale, question: Question) -> str | None:
    return question.answer if rationale.is_correct else rationale.prediction


def can_encode(tokenizer: Any) -> Callable[[str], bool]:
    """Return a function that tells whether the tokenizer knows every character of a text."""
    unknown = tokenizer.unk_token_id

    def knows(text: str) -> bool:
        if unknown is None or unknown == tokenizer.eos_token_id:  # byte-level: knows everything
            return True
        cleaned = prompting.clean_text(text)
        return unknown not in tokenizer(cleaned, add_special_tokens=False).input_ids

    return knows


def collate(rows: Sequence[Row], *, fill: int, model: Any) -> dict[str, Tensor]:
    """Return a batch padded to its own longest row.

    Args:
        rows: at least one row.
        fill: the id in padded places; no result depends on it.
        model: tells family and, for an encoder-decoder, the decoder's first token.

    Returns:
        input_ids, attention_mask: (rows, longest); labels, IGNORE_INDEX where nothing is scored:
        (rows, longest), an encoder-decoder's (rows, longest label), like its decoder_input_ids.
    """
    if family_of(model) == "causal":
        read = [row.prompt + row.label for row in rows]
        labels = [(IGNORE_INDEX,) * len(row.prompt) + row.label for row in rows]
        extra = {}
    else:
        read = [row.prompt for row in rows]
        labels = [row.label for row in rows]
        start = config_of(model).decoder_start_token_id
        extra = {"decoder_input_ids": _pad([(start, *row.label[:-1]) for row in rows], fill)}
    mask = _pad([(1,) * len(ids) for ids in read], 0)
    batch = {"input_ids": _pad(read, fill), "attention_mask": mask, **extra}
    return {**batch, "labels": _pad(labels, IGNORE_INDEX)}


def _pad(sequences: Sequence[Sequence[int]], fill: int) -> Tensor:
    longest = max(map(len, sequences))
    return torch.tensor([[*ids, *(fill,) * (longest - len(ids))] for ids in sequences])


def scored_rows(logits: Tensor, labels: Tensor, family: Family) -> tuple[Tensor, Tensor]:
    """Return the logits that predict scored tokens, and those tokens.

    Args:
        logits: (rows, length, vocabulary), as the model gives them, or (rows, length, width), what
            its output layer makes them from.
        labels: (rows, length), IGNORE_INDEX where nothing is scored.
        family: which position predicts which token.

    Returns:
        (scored tokens, vocabulary) and (scored tokens,), row after row.
    """
    if family == "causal":  # position t predicts t + 1: the last logit and the first label go
        logits, labels = logits[:, :-1], labels[:, 1:]
    scored = labels != IGNORE_INDEX
    return logits[scored], labels[scored]


def predict_scored(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Run a model on a batch; return what `scored_rows` returns for it.

    The output layer sees the scored positions alone: logits of the others are never made.
    """
    _, labels, logits = run_before_head(model, batch, lambda rows: rows)
    return logits, labels


def run_before_head(
    model: Any, batch: dict[str, Tensor], choose: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Run a model whose output layer is given only some of the scored positions.

    Args:
        model: with an output layer (`get_output_embeddings`).
        batch: as `collate` makes it.
        choose: (scored tokens, width) -> the rows that the output layer shall see.

    Returns:
        (scored tokens, width), what the output layer would see; (scored tokens,) labels; and the
        model's logits for the chosen rows, with whatever it does to them after the layer.
    """
    seen: list[Tensor] = []

    def pick(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        rows, labels = scored_rows(arguments[0], batch["labels"], family_of(model))
        seen.extend((rows, labels))
        return choose(rows).unsqueeze(0), *arguments[1:]

    inputs = {name: value for name, value in batch.items() if name != "labels"}
    head = getattr(model, "module", model).get_output_embeddings()
    handle = head.register_forward_pre_hook(pick)
    try:
        logits = model(**inputs, use_cache=False).logits
    finally:
        handle.remove()
    return seen[0], seen[1], logits.squeeze(0)
