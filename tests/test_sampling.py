"""What a model writes, against plain `generate` and the distribution it should draw from."""

from contextlib import contextmanager

import pytest
import torch
from bases import FAMILIES
from transformers import BartConfig, BartForConditionalGeneration, GPT2Config, GPT2LMHeadModel

from mkdkit.models import decoding, encoding, loading, sampling
from mkdkit.settings import SamplingSettings

TEXTS = ["Mia has 3 pens.", "How many are left?", "Sam had 20 cards and gave 4 of them away today."]


@pytest.fixture(params=FAMILIES)
def writer(request, bases):
    base = bases[request.param]
    model, tokenizer = loading.load_base(base), loading.load_tokenizer(base)
    prompts = [encoding.encode_prompt(tokenizer, text, request.param) for text in TEXTS]
    return model, tokenizer, prompts


def flat(batches):
    return sorted((one for batch in batches for one in batch), key=lambda w: (w.prompt, w.sample))


def test_greedy_writes_what_generate_writes_for_each_prompt_alone(writer):
    model, tokenizer, prompts = writer
    found = flat(sampling.write_greedy(model, tokenizer, prompts, max_new_tokens=12, batch_size=3))
    for one, prompt in zip(found, prompts, strict=True):
        ids = model.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)[0]
        skipped = 1 if model.config.is_encoder_decoder else len(prompt)
        assert one.text == tokenizer.decode(ids[skipped:], skip_special_tokens=True).strip()
        assert (one.tokens, one.is_complete) == (12, False)


def test_rows_that_end_leave_the_batch_and_change_no_other(writer):
    """The end mark is made likely: rows then end at different lengths."""
    model, tokenizer, prompts = writer
    bias = torch.zeros(model.config.vocab_size)
    bias[tokenizer.eos_token_id] = 4.0
    head = model.get_output_embeddings()
    handle = head.register_forward_hook(lambda module, inputs, output: output + bias)
    settings = SamplingSettings(degree=4, max_new_tokens=20, sampling_temperature=1.0, batch_size=3)
    names = ["a", "b", "c"]
    together = flat(sampling.write_samples(model, tokenizer, prompts, names, settings))
    alone = [
        one
        for prompt, name in zip(prompts, names, strict=True)
        for one in flat(sampling.write_samples(model, tokenizer, [prompt], [name], settings))
    ]
    handle.remove()
    assert len({one.tokens for one in together}) > 2  # else nothing was tested
    assert [one.text for one in together] == [one.text for one in alone]
    assert all(one.is_complete for one in together if one.tokens < 20)


def test_samples_of_one_prompt_differ_and_come_again_with_their_seed(writer):
    model, tokenizer, prompts = writer
    settings = SamplingSettings(degree=3, max_new_tokens=8, seed=1)
    once, again = (
        [w.text for w in flat(sampling.write_samples(model, tokenizer, prompts, TEXTS, settings))]
        for _ in range(2)
    )
    other = sampling.write_samples(
        model, tokenizer, prompts, TEXTS, SamplingSettings(degree=3, max_new_tokens=8, seed=2)
    )
    assert once == again
    assert len(set(once)) == 9
    assert once != [w.text for w in flat(other)]


def test_drawn_tokens_follow_the_softened_distribution():
    logits = torch.tensor([0.0, 2.0, -1.0, 1.0])
    n, settings = 20_000, SamplingSettings(sampling_temperature=0.7)
    streams = torch.rand(n, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    choose = sampling.sampler(settings, streams)
    drawn = choose(logits.expand(n, 4), torch.arange(n), 0)
    share = torch.bincount(drawn, minlength=4) / n
    expected = (logits / 0.7).softmax(-1)
    assert torch.allclose(share, expected, atol=4 * (0.25 / n) ** 0.5)  # four standard errors


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        (SamplingSettings(top_k=2, sampling_temperature=5.0), {1, 3}),
        (SamplingSettings(top_p=0.6, sampling_temperature=1.0), {1}),  # softmax: .09 .64 .03 .24
        (SamplingSettings(top_p=0.7, sampling_temperature=1.0), {1, 3}),
    ],
)
def test_top_k_and_top_p_cut_the_unlikely_tokens(settings, allowed):
    logits = torch.tensor([0.0, 2.0, -1.0, 1.0]).expand(2000, 4)
    streams = torch.linspace(0, 0.9999, 2000, dtype=torch.float64).unsqueeze(-1)
    drawn = sampling.sampler(settings, streams)(logits, torch.arange(2000), 0)
    assert set(drawn.tolist()) == allowed


def test_top_p_is_a_share_of_what_top_k_left():
    """Ten equal tokens, of which top-k leaves four: 0.6 of those are three."""
    settings = SamplingSettings(top_k=4, top_p=0.6, sampling_temperature=1.0)
    streams = torch.linspace(0, 0.9999, 2000, dtype=torch.float64).unsqueeze(-1)
    logits = torch.zeros(2000, 10)
    drawn = sampling.sampler(settings, streams)(logits, torch.arange(2000), 0)
    assert len(set(drawn.tolist())) == 3


@contextmanager
def room_for(model, rows):
    """Too little memory for more rows than that: the output layer fails as a full device does."""

    def check(module, inputs):
        if len(inputs[0]) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    handle = model.get_output_embeddings().register_forward_pre_hook(check)
    try:
        yield
    finally:
        handle.remove()


def test_a_batch_too_large_for_memory_is_written_in_halves_and_the_same(writer, caplog):
    model, tokenizer, prompts = writer
    settings = SamplingSettings(degree=2, max_new_tokens=8, batch_size=3, seed=1)
    whole = flat(sampling.write_samples(model, tokenizer, prompts, TEXTS, settings))
    with room_for(model, 2):  # one prompt with its two samples
        halved = flat(sampling.write_samples(model, tokenizer, prompts, TEXTS, settings))
    assert halved == whole
    assert "out of memory with 3 prompts: from now on 2" in caplog.text
    with room_for(model, 1):
        greedy = sampling.write_greedy(model, tokenizer, prompts, max_new_tokens=8, batch_size=3)
        assert len(flat(greedy)) == 3


def test_a_batch_that_is_halved_more_than_once_loses_no_prompt(writer, caplog):
    model, tokenizer, prompts = writer
    nine = [prompts[number % 3] for number in range(9)]
    written = {"max_new_tokens": 4, "batch_size": 9}
    whole = flat(sampling.write_greedy(model, tokenizer, nine, **written))
    with room_for(model, 2):
        assert flat(sampling.write_greedy(model, tokenizer, nine, **written)) == whole
    assert len(whole) == 9
    assert "with 5 prompts: from now on 3" in caplog.text


def test_an_encoder_with_absolute_positions_reads_a_prompt_the_same_in_any_batch(bases):
    tokenizer = loading.load_tokenizer(bases["encoder-decoder"])
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, max_position_embeddings=64, init_std=0.5,
        encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=64, decoder_start_token_id=1,
        decoder_layers=2, decoder_attention_heads=4, decoder_ffn_dim=64, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = BartForConditionalGeneration(config).eval()
    prompts = [tuple(range(5, 25)), (30, 31), (40, 41, 42, 43, 44)]

    def first_logits(batch):
        seen = []
        decoding.decode(
            model,
            tokenizer,
            batch,
            1,
            1,
            lambda logits, *_: seen.append(logits) or logits[:, 0].long(),
        )
        return seen[0]

    alone = torch.cat([first_logits([prompt]) for prompt in prompts])
    assert torch.allclose(first_logits(prompts), alone, atol=1e-4)
    assert (alone[0] - alone[1]).abs().max() > 0.1  # else nothing was tested


def test_one_prompt_that_does_not_fit_is_an_error_and_so_is_any_other_failure(writer):
    model, tokenizer, prompts = writer
    settings = SamplingSettings(degree=2, max_new_tokens=8, batch_size=3)
    with room_for(model, 1), pytest.raises(torch.OutOfMemoryError):
        list(sampling.write_samples(model, tokenizer, prompts, TEXTS, settings))
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(sampling.write_samples(model, tokenizer, prompts, TEXTS, settings))
    handle.remove()


def test_a_row_that_fills_all_positions_ends_there(bases, tmp_path):
    """GPT-2 has no position behind its last: reading one is an error of the index."""
    tokenizer = loading.load_tokenizer(bases["causal"])
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=24, n_embd=32, n_layer=1, n_head=2,
        eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model = loading.load_base(str(tmp_path))
    prompts = [tuple(range(300, 300 + n)) for n in (23, 20, 4)]
    found = flat(sampling.write_greedy(model, tokenizer, prompts, max_new_tokens=9, batch_size=3))
    assert [one.tokens for one in found] == [1, 4, 9]
    assert not any(one.is_complete for one in found)
    ids = model.generate(torch.tensor([prompts[1]]), max_length=24, do_sample=False)[0]
    assert found[1].text == tokenizer.decode(ids[20:], skip_special_tokens=True).strip()
    prompts.append(tuple(range(300, 324)))
    with pytest.raises(ValueError, match="has 25 tokens, more than the 24 that the model reads"):
        flat(sampling.write_greedy(model, tokenizer, prompts, max_new_tokens=9, batch_size=4))
    with pytest.raises(ValueError, match="the longest row has 25 tokens"):
        encoding.require_positions(model, 25, "the longest row")
