"""The store gives back what the mentor said, row by row, and refuses what does not fit."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import pytest
import torch
from bases import FAMILIES

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row
from mkdkit.settings import Divergence, SoftLabelSettings, StudentSettings
from mkdkit.training import label_store, loop, losses, soft_labels
from mkdkit.training.team import ALONE, Team

ROWS = [
    Row(prompt=tuple(range(300, 303 + i)), label=(*range(310, 312 + i % 5), 1)) for i in range(20)
]
SETTINGS = SoftLabelSettings(top_k=8, batch_size=1, precision="fp32")


def write(folder, model, rows=ROWS, settings=SETTINGS, mentor="m1", team=ALONE):
    given = {"fill": 0, "identity": {"mentor": mentor}, "team": team}
    return list(label_store.write_store(folder, model, rows, settings, **given))


@pytest.fixture(params=FAMILIES)
def mentor(request, bases):
    return loading.load_base(bases[request.param])


def logits_of(model, rows):
    with torch.no_grad():
        batch = encoding.collate(rows, fill=0, model=model)
        return encoding.predict_scored(model, batch)[0]


class Worker(Team):
    """One of several that share a store, in a thread of its own."""

    def __init__(self, index, barrier):
        super().__init__()
        self.index, self.processes, self.wait = index, barrier.parties, barrier.wait


def test_several_that_share_a_store_write_what_one_does(mentor, tmp_path, monkeypatch):
    monkeypatch.setattr(label_store, "SHARD_BATCHES", 1)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    write(alone, mentor)
    barrier = threading.Barrier(3, timeout=60)
    mentors = [copy.deepcopy(mentor) for _ in range(3)]  # as each process has its own
    with ThreadPoolExecutor(3) as pool:
        parts = pool.map(lambda n: write(shared, mentors[n], team=Worker(n, barrier)), range(3))
        wrote = [len(part) for part in parts]
    assert sum(wrote) == len(list(alone.glob("*.safetensors"))) > 3
    assert max(wrote) - min(wrote) <= 1  # nobody wrote another's
    for path in alone.iterdir():
        assert (shared / path.name).read_bytes() == path.read_bytes()


def test_stored_labels_equal_those_of_the_live_mentor(mentor, tmp_path):
    write(tmp_path, mentor)
    store, asked = label_store.Store(tmp_path), [ROWS[7], ROWS[2], ROWS[19]]  # any order
    live = soft_labels.keep_top_k(logits_of(mentor, asked), 8)
    stored = store.read(asked)
    assert stored.token_ids.tolist() == live.token_ids.tolist()
    assert torch.allclose(stored.log_probs, live.log_probs, atol=5e-3)  # kept in half precision
    assert torch.allclose(stored.log_tail, live.log_tail, atol=1e-5)


def test_loss_from_the_store_is_the_loss_with_the_mentor_in_memory(mentor, tmp_path):
    vocabulary = mentor.config.vocab_size
    write(tmp_path, mentor, settings=SoftLabelSettings(top_k=vocabulary, batch_size=4))
    student = 3 * torch.randn(sum(len(row.label) for row in ROWS), vocabulary)
    full = losses.soft_label_loss(student, logits_of(mentor, ROWS), temperature=2.0)
    stored = label_store.Store(tmp_path).read(ROWS).loss(student, temperature=2.0)
    assert stored.item() == pytest.approx(full.item(), rel=1e-3)


def test_in_bfloat16_a_mentor_says_nearly_the_same(mentor):
    vocabulary = mentor.config.vocab_size
    said = {
        precision: soft_labels.speak(
            mentor, ROWS, SoftLabelSettings(top_k=vocabulary, precision=precision), fill=0
        )
        for precision in ("fp32", "bf16")
    }
    exact, rounded = (
        torch.zeros(len(one.token_ids), vocabulary).scatter(-1, one.token_ids, one.log_probs)
        for one in said.values()
    )
    assert not torch.equal(exact, rounded)
    gap = (exact.exp() * (exact - rounded)).sum(-1)  # nats per scored token
    assert gap.mean() < 1e-3


@pytest.mark.parametrize("divergence", get_args(Divergence))
def test_a_student_is_distilled_with_the_divergence_of_its_settings(mentor, tmp_path, divergence):
    vocabulary = mentor.config.vocab_size
    write(tmp_path, mentor, settings=SoftLabelSettings(top_k=vocabulary, batch_size=4))
    labels = torch.tensor([token for row in ROWS for token in row.label])
    student = 9 * torch.randn(len(labels), vocabulary)
    settings = StudentSettings(kd_weight=0.3, kd_temperature=2.0, divergence=divergence)
    found = loop.distillation(label_store.Store(tmp_path), settings)(student, labels, ROWS)
    hard, said = losses.rationale_loss(student, labels), logits_of(mentor, ROWS)
    expected = {
        name: 0.7 * hard
        + 0.3 * losses.soft_label_loss(student, said, temperature=2.0, divergence=name)
        for name in get_args(Divergence)
    }
    assert found.item() == pytest.approx(expected.pop(divergence).item(), rel=1e-3)
    for other in expected.values():  # one taken for another would be seen
        assert found.item() != pytest.approx(other.item(), rel=1e-2)


def test_identical_rows_are_stored_once(mentor, tmp_path):
    write(tmp_path, mentor, rows=[*ROWS, *ROWS])
    store = label_store.Store(tmp_path)
    assert len(store) == len(ROWS)
    assert store.manifest["scored_tokens"] == sum(len(row.label) for row in ROWS)


def test_a_store_left_unfinished_is_continued_and_ends_the_same(mentor, tmp_path):
    write(tmp_path / "whole", mentor)
    started = label_store.write_store(
        tmp_path / "killed", mentor, ROWS, SETTINGS, fill=0, identity={"mentor": "m1"}
    )
    assert next(started) == 16  # one shard of 16 rows; then the process is gone
    started.close()
    with pytest.raises(ValueError, match="not finished"):
        label_store.Store(tmp_path / "killed")
    first = (tmp_path / "killed" / "shard-00000.safetensors").stat().st_mtime_ns
    write(tmp_path / "killed", mentor)
    assert (tmp_path / "killed" / "shard-00000.safetensors").stat().st_mtime_ns == first
    for name in ("whole", "killed"):
        assert len(label_store.Store(tmp_path / name)) == len(ROWS)
    one, other = (label_store.Store(tmp_path / name).read(ROWS) for name in ("whole", "killed"))
    assert torch.equal(one.token_ids, other.token_ids)
    assert torch.equal(one.log_probs, other.log_probs)


def test_another_mentors_store_foreign_rows_and_damage_are_refused(mentor, tmp_path):
    write(tmp_path, mentor)
    with pytest.raises(ValueError, match="mentor = 'm1', but 'm2' is asked for"):
        label_store.Store(tmp_path, {"mentor": "m2"})
    with pytest.raises(ValueError, match="no soft labels for a row"):
        label_store.Store(tmp_path).read([Row((300,), (5, 1))])
    shard = tmp_path / "shard-00000.safetensors"
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"shard-00000\.safetensors: this shard is damaged"):
        label_store.Store(tmp_path)


def test_a_damaged_shard_that_was_deleted_is_made_again_and_no_other(mentor, tmp_path):
    write(tmp_path, mentor)
    before = label_store.Store(tmp_path).read(ROWS)
    (tmp_path / "shard-00000.safetensors").unlink()
    kept = (tmp_path / "shard-00001.safetensors").stat().st_mtime_ns
    with pytest.raises(ValueError, match=r"shard-00000\.safetensors' is not there"):
        label_store.Store(tmp_path)
    assert write(tmp_path, mentor) == [len(ROWS)]
    assert (tmp_path / "shard-00001.safetensors").stat().st_mtime_ns == kept
    assert torch.equal(label_store.Store(tmp_path).read(ROWS).log_probs, before.log_probs)


def test_a_mentor_padded_to_more_tokens_says_what_it_says_without_them(mentor, tmp_path):
    """As Qwen2.5: 152,064 logits in the large ones, 151,936 in the small."""
    own = encoding.vocabulary_of(mentor)
    write(tmp_path / "own", mentor)
    wide = copy.deepcopy(mentor)
    wide.resize_token_embeddings(own + 64, mean_resizing=False)
    with torch.no_grad():
        wide.get_output_embeddings().weight[own:] = 3.0  # a likely token that no text has
    given = {"fill": 0, "identity": {"mentor": "m1"}, "vocabulary": own}
    list(label_store.write_store(tmp_path / "cut", wide, ROWS, SETTINGS, **given))
    plain, cut = (label_store.Store(tmp_path / name).read(ROWS) for name in ("own", "cut"))
    assert torch.equal(plain.token_ids, cut.token_ids)
    assert torch.allclose(plain.log_probs, cut.log_probs, atol=2e-3)  # held in half precision
    assert torch.allclose(plain.log_tail, cut.log_tail, atol=1e-4)
