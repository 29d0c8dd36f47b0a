"""What is read and what is scored, for both families of models."""

import pytest
import torch
from bases import FAMILIES
from torch.nn import functional as F
from transformers import Gemma3Config, T5Config

from mkdkit.models import encoding, loading, vocabularies
from mkdkit.models.encoding import IGNORE_INDEX
from mkdkit.models.rows import Row
from mkdkit.records import Question, Rationale
from mkdkit.settings import TrainingSettings
from mkdkit.training import batches, loop

ROWS = [
    Row(prompt=(300, 301, 302), label=(310, 311, 1)),
    Row(prompt=(303, 304), label=(312, 313, 314, 315, 316, 1)),
    Row(prompt=(305, 306, 307, 308, 309, 310, 311), label=(1,)),
]
FP32 = TrainingSettings(precision="fp32")


@pytest.fixture(params=FAMILIES)
def model(request, bases):
    return loading.load_base(bases[request.param])


def predict(model, rows, fill=0):
    return encoding.predict_scored(model, encoding.collate(rows, fill=fill, model=model))


def one_by_one(model, row):
    """The loss of a row, token by token: each label predicted from what stands before it alone."""
    total = 0.0
    for place, token in enumerate(row.label):
        before = row.label[:place]
        if model.config.is_encoder_decoder:
            start = model.config.decoder_start_token_id
            logits = model(
                input_ids=torch.tensor([row.prompt]),
                decoder_input_ids=torch.tensor([(start, *before)]),
            ).logits
        else:
            logits = model(input_ids=torch.tensor([row.prompt + before])).logits
        total += F.cross_entropy(logits[0, -1], torch.tensor(token)).item()
    return total


def test_scored_rows_predict_their_own_tokens(model):
    with torch.no_grad():
        for row in ROWS:
            logits, labels = predict(model, [row])
            loss = F.cross_entropy(logits, labels, reduction="sum").item()
            assert labels.tolist() == list(row.label)
            assert loss == pytest.approx(one_by_one(model, row), rel=1e-4)


def test_padding_does_not_change_a_loss(model):
    with torch.no_grad():
        alone = [predict(model, [row]) for row in ROWS]
        beside, labels = predict(model, ROWS)
    assert labels.tolist() == [token for row in ROWS for token in row.label]
    assert torch.allclose(torch.cat([logits for logits, _ in alone]), beside, atol=1e-4)


def test_what_fills_padded_places_changes_nothing(model):
    with torch.no_grad():
        zero, other = (predict(model, ROWS, fill)[0] for fill in (0, 77))
    assert torch.equal(zero, other)


def test_prompt_tokens_and_padding_are_never_scored(model):
    labels = encoding.collate(ROWS, fill=0, model=model)["labels"]
    assert (labels != IGNORE_INDEX).sum() == sum(len(row.label) for row in ROWS)
    if not model.config.is_encoder_decoder:
        for row, place in zip(ROWS, labels, strict=True):
            assert (place[: len(row.prompt)] == IGNORE_INDEX).all()


def gradient(model, batches):
    model.zero_grad()
    loop.accumulate(model, batches, loop.hard_labels, FP32, fill=0)
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def test_accumulation_steps_and_one_larger_batch_give_the_same_gradient(model):
    several = gradient(model, [[ROWS[0]], [ROWS[1]], [ROWS[2]]])
    one = gradient(model, [ROWS])
    assert torch.nn.functional.cosine_similarity(several, one, dim=0) > 0.999999
    assert several.norm().item() == pytest.approx(one.norm().item(), rel=1e-5)


def test_a_mean_of_means_would_give_another_gradient(model):
    """The control of the test above: unequal lengths make the published averaging differ."""
    means = sum(gradient(model, [[row]]) for row in ROWS) / len(ROWS)
    assert abs(means.norm() / gradient(model, [ROWS]).norm() - 1) > 1e-3


def test_a_completion_ends_in_the_end_mark_and_round_trips(bases):
    for family, base in bases.items():
        tokenizer = loading.load_tokenizer(base)
        row = encoding.encode_row(tokenizer, "How many?", "3 + 4 = 7 --> 7", family)
        assert row.label[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(row.label, skip_special_tokens=True).strip() == "3 + 4 = 7 --> 7"
        assert tokenizer.eos_token_id not in row.prompt[:-1]


def test_too_long_a_row_is_an_error_and_never_cut(bases):
    tokenizer = loading.load_tokenizer(bases["causal"])
    question = Question("q/1", "How many are left?", "5")
    rationale = Rationale("q/1", "9 - 4 = 5.", "5", "teacher", True)
    options = {"family": "causal", "template": "arrow"}
    (row,) = encoding.encode_completions(
        tokenizer, [question], [rationale], max_tokens=60, **options
    )
    assert len(row) <= 60
    with pytest.raises(ValueError, match=r"'q/1': a row has \d+ tokens, more than max_tokens = 9"):
        encoding.encode_completions(tokenizer, [question], [rationale], max_tokens=9, **options)
    with pytest.raises(ValueError, match="no question 'q/1'"):
        encoding.encode_completions(tokenizer, [], [rationale], max_tokens=60, **options)


def test_a_right_rationale_ends_in_the_reference_answer_and_a_wrong_one_in_its_own(bases):
    tokenizer = loading.load_tokenizer(bases["causal"])
    question = Question("q/1", "How many are left?", "5")
    rationales = [
        Rationale("q/1", "9 - 4 = 5.", "5.0", "teacher", True),
        Rationale("q/1", "9 - 4 = 6.", "6", "teacher", False),
        Rationale("q/1", "9 - 4 is", None, "mentor", False, is_complete=False),
    ]
    options = {"family": "causal", "template": "arrow"}
    rows = encoding.encode_completions(tokenizer, [question], rationales, max_tokens=60, **options)
    learnt = [tokenizer.decode(row.label, skip_special_tokens=True).strip() for row in rows]
    assert learnt == ["9 - 4 = 5. --> 5", "9 - 4 = 6. --> 6", "9 - 4 is"]
    count_tokens = encoding.counter(tokenizer, "causal", "arrow")
    assert [count_tokens(question, one) for one in rationales] == [len(row) for row in rows]


def test_every_row_is_in_exactly_one_batch_and_neighbours_are_of_like_length():
    lengths = [(7 * i) % 101 + 1 for i in range(500)]
    plan = batches.plan_epoch(lengths, 8, seed=3, epoch=0)
    assert sorted(row for batch in plan for row in batch) == list(range(500))
    padded = sum(max(lengths[row] for row in batch) * len(batch) for batch in plan)
    assert sum(lengths) / padded > 0.9  # in file order it would be about 0.55
    assert plan == batches.plan_epoch(lengths, 8, seed=3, epoch=0)
    assert plan != batches.plan_epoch(lengths, 8, seed=3, epoch=1)


def test_vocabularies_that_differ_are_refused_with_numbers(bases):
    ours, theirs = (loading.load_tokenizer(bases["causal"]) for _ in range(2))
    vocabularies.require_shared(ours, theirs)
    theirs.add_tokens(["notaword"])
    with pytest.raises(ValueError, match="must share a vocabulary"):
        vocabularies.require_shared(ours, theirs)


def test_of_one_vocabulary_other_end_marks_are_refused(bases):
    ours, theirs = (loading.load_tokenizer(bases["causal"]) for _ in range(2))
    theirs.eos_token = next(token for token in theirs.get_vocab() if token != ours.eos_token)
    assert ours.get_vocab() == theirs.get_vocab()
    with pytest.raises(ValueError, match="must end texts with one token"):
        vocabularies.require_shared(theirs, ours)


def test_a_tokenizer_without_pad_token_uses_its_end_token_safely(bases):
    tokenizer = loading.load_tokenizer(bases["causal"])
    tokenizer.pad_token = None
    assert encoding.fill_token(tokenizer) == tokenizer.eos_token_id
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="no end-of-sequence token"):
        encoding.fill_token(tokenizer)


def test_a_models_vocabulary_is_found_where_its_config_has_it():
    assert encoding.vocabulary_in(Gemma3Config()) == 262_208  # in its part for text
    assert encoding.vocabulary_in(T5Config()) == 32_128
