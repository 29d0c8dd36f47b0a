"""Published mistakes are made as published; a fair choice is not the highest score."""

from dataclasses import replace

import pytest
import torch
from bases import FAMILIES
from torch.nn import functional as F

from mkdkit.evaluation.selection import by_choice
from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.settings import SoftLabelSettings, StudentSettings
from mkdkit.training import answer_weight, chunks, label_store, loop, mistakes

FILL, END = 0, 1
ROWS = [Row((300 + i, 301), (*range(310, 313 + 2 * i), 1)) for i in range(4)]  # 4 to 10 tokens
KEYWORDS = dict(chunks.batch_loss.__kwdefaults__)
SETTINGS = StudentSettings(kd_weight=0.4, kd_temperature=2.0)


def logits_of(model, rows):
    batch = encoding.collate(rows, fill=FILL, model=model)
    with torch.no_grad():
        return encoding.predict_scored(model, batch)


@pytest.fixture(params=FAMILIES)
def base(request, bases):
    return bases[request.param]


def store_of(mentor, rows, folder):
    whole = SoftLabelSettings(top_k=mentor.config.vocab_size, batch_size=4, precision="fp32")
    for _ in label_store.write_store(folder, mentor, rows, whole, fill=FILL, identity={}):
        pass
    return label_store.Store(folder)


def test_padded_rows_are_as_long_as_the_longest_and_begin_as_before():
    padded = mistakes.with_padding(ROWS, FILL)
    assert {len(row.label) for row in padded} == {10}
    for row, longer in zip(ROWS, padded, strict=True):
        assert longer.prompt == row.prompt
        assert longer.label == row.label + (FILL,) * (10 - len(row.label))


def test_padding_is_learnt_as_it_was_published(base, tmp_path):
    """The mean cross-entropy of the words, and the mean KL of words and padding."""
    mentor = loading.load_base(base)
    padded = mistakes.with_padding(ROWS, FILL)
    said, labels = logits_of(mentor, padded)
    torch.manual_seed(2)
    logits = 2 * torch.randn_like(said)
    store = store_of(mentor, padded, tmp_path)
    loss = mistakes.padding_learnt(store, SETTINGS, fill=FILL, end=END)(logits, labels, padded)
    words = [place for place, label in enumerate(labels.tolist()) if label != FILL]
    assert len(words) == sum(len(row.label) for row in ROWS) == 28
    hard = F.cross_entropy(logits[words], labels[words])
    p, q = (F.log_softmax(one.double() / 2.0, dim=-1) for one in (said, logits))
    soft = (p.exp() * (p - q)).sum(-1).mean()
    # the training loop divides by all 40 places
    assert loss.item() / 40 == pytest.approx((0.6 * hard + 0.4 * soft).item(), rel=1e-3)


def test_an_end_mark_that_padding_shares_its_id_with_is_a_word_still(base, tmp_path):
    """The mean cross-entropy is over 28 words again: 24 before end marks, 4 end marks."""
    padded = mistakes.with_padding(ROWS, END)
    said, labels = logits_of(loading.load_base(base), padded)
    hard_alone = replace(SETTINGS, kd_weight=0.0)
    store = store_of(loading.load_base(base), padded, tmp_path)
    loss = mistakes.padding_learnt(store, hard_alone, fill=END, end=END)(said, labels, padded)
    words = [10 * row + place for row in range(4) for place in range(len(ROWS[row].label))]
    assert loss.item() / 40 == pytest.approx(F.cross_entropy(said[words], labels[words]).item())


def test_a_label_of_an_end_mark_alone_has_one_word():
    (padded, _) = mistakes.with_padding([Row((300,), (END,)), ROWS[0]], END)
    assert mistakes._is_word(padded, END, END).tolist() == [True, False, False, False]


def test_padding_is_learnt_by_the_divergence_that_is_set(base, tmp_path):
    model = loading.load_base(base)
    padded = mistakes.with_padding(ROWS, FILL)
    said, labels = logits_of(model, padded)
    store, logits = store_of(model, padded, tmp_path), said + torch.randn_like(said)
    soft_alone = replace(SETTINGS, kd_weight=1.0, divergence="reverse")
    loss = mistakes.padding_learnt(store, soft_alone, fill=FILL, end=END)(logits, labels, padded)
    p, q = (F.log_softmax(one.double() / 2.0, dim=-1) for one in (said, logits))
    assert loss.item() == pytest.approx((q.exp() * (q - p)).sum().item(), rel=1e-2)


@pytest.mark.parametrize("mistake", ["padding learnt", "other labels"])
def test_a_mistake_is_the_same_whatever_the_vocabulary_and_the_token_budget(
    mistake, base, tmp_path, monkeypatch
):
    """Both are cut into parts for memory's sake; a row alone would have its own labels again."""
    rows = mistakes.with_padding(ROWS, FILL) if mistake == "padding learnt" else ROWS
    torch.manual_seed(3)
    mentor = loading.load_base(base)
    for weight in mentor.parameters():
        weight.data += 0.05 * torch.randn_like(weight)
    store = store_of(mentor, rows, tmp_path)
    loss_of = mistakes.padding_learnt(store, SETTINGS, fill=FILL, end=END)
    if mistake == "other labels":
        loss_of = chunks.OfWholeBatch(loop.distillation(mistakes.OtherRows(store), SETTINGS))

    def step(**settings):
        asked = replace(SETTINGS, batch_size=4, precision="fp32", **settings)
        weighed = answer_weight.weighed(loss_of, asked.answer_weight)
        return loop.accumulate(loading.load_base(base), [rows], weighed, asked, fill=FILL)[0]

    whole, in_parts, of_answers = step(), step(max_batch_tokens=12), step(answer_weight=2.0)
    monkeypatch.setattr(chunks.batch_loss, "__kwdefaults__", {**KEYWORDS, "most_logits": 1})
    assert step() == whole == in_parts == of_answers


def test_the_right_loss_does_not_change_with_padding(base, tmp_path):
    """What is measured is the mistake, not the padding: without it these are the same words."""
    mentor = loading.load_base(base)
    padded = mistakes.with_padding(ROWS, FILL)
    said, labels = logits_of(mentor, padded)
    words = labels != FILL
    plain, _ = logits_of(mentor, ROWS)
    assert torch.allclose(said[words], plain, atol=1e-4)


def test_other_rows_labels_are_those_of_the_next_row(base, tmp_path):
    store = store_of(loading.load_base(base), ROWS, tmp_path)
    wrong = mistakes.OtherRows(store).read(ROWS)
    right = store.read(ROWS[1:] + ROWS[:1])
    assert torch.equal(wrong.token_ids, right.token_ids)
    assert not torch.equal(wrong.token_ids, store.read(ROWS).token_ids)
    assert len(wrong.token_ids) == 28  # as many as the batch has scored tokens


def test_a_shuffled_store_is_no_lower_in_divergence_than_the_right_one(base, tmp_path):
    mentor = loading.load_base(base)
    logits, _ = logits_of(mentor, ROWS)
    store = store_of(mentor, ROWS, tmp_path)
    right = store.read(ROWS).loss(logits, temperature=1.0)
    wrong = mistakes.OtherRows(store).read(ROWS).loss(logits, temperature=1.0)
    assert right.item() == pytest.approx(0, abs=0.02)  # a mentor agrees with itself
    assert wrong > right + 0.1


def test_the_best_of_noise_is_too_high_and_a_choice_on_other_questions_is_not():
    """20 epochs of a model that is right half of the time: the highest of 20 scores is not 50."""
    source = torch.Generator().manual_seed(0)
    found = {"best on test": [], "best on validation": [], "last": []}
    for _ in range(400):
        scores = (
            100
            * torch.binomial(torch.full((2, 20), 150.0), torch.tensor(0.5), generator=source)
            / 150
        )
        for name, value in by_choice(*scores.tolist()).items():
            found[name].append(value)
    means = {name: sum(values) / len(values) for name, values in found.items()}
    # the standard error of 150 questions is 4.08 points; the highest of 20 lies 1.87 of them above
    assert means["best on test"] == pytest.approx(50 + 1.87 * 4.08, abs=0.8)
    assert means["best on validation"] == pytest.approx(50, abs=0.8)
    assert means["last"] == pytest.approx(50, abs=0.8)


def test_series_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="got 2 and 1"):
        by_choice([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="got 0 and 0"):
        by_choice([], [])
