"""What weighs more in a completion, and that nothing else changes by it."""

import pytest
import torch
from bases import FAMILIES
from transformers import T5Tokenizer

from mkdkit.models import encoding, loading, tiny_tokenizer
from mkdkit.models.rows import Row, Rows
from mkdkit.records import Question, Rationale
from mkdkit.settings import TrainingSettings
from mkdkit.tasks import answers
from mkdkit.training import answer_weight, chunks, loop, losses, mistakes

ROWS = [Row((5, 6), (7, 8, 9, 1), (1, 3)), Row((5,), (6, 1)), Row((4,), (3, 2, 1), (0, 1))]
WEIGHTS = torch.tensor([1, 10, 10, 1, 1, 1, 10, 1, 1.0])


@pytest.fixture(params=FAMILIES)
def base(request, bases):
    return bases[request.param]


def logits_and_labels():
    torch.manual_seed(0)
    logits = torch.randn(9, 12, dtype=torch.float64, requires_grad=True)
    return logits, torch.tensor([token for row in ROWS for token in row.label])


def test_the_gradient_is_that_of_a_weighted_sum_and_the_loss_is_that_of_a_plain_one():
    logits, labels = logits_and_labels()
    loss = answer_weight.weighed(loop.hard_labels, 10.0)(logits, labels, ROWS)
    assert loss == losses.rationale_loss(logits, labels)
    (found,) = torch.autograd.grad(loss, logits)
    each = -logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
    (expected,) = torch.autograd.grad((WEIGHTS * each).sum(), logits)
    assert torch.allclose(found, expected, rtol=1e-6)


def test_soft_labels_are_weighed_too():
    logits, labels = logits_and_labels()
    mentor = torch.randn(9, 12, dtype=torch.float64)

    def soft(student, labels, rows):
        return losses.soft_label_loss(student, mentor, temperature=2.0)

    loss = answer_weight.weighed(soft, 10.0)(logits, labels, ROWS)
    (found,) = torch.autograd.grad(loss, logits)
    # of KL(p ‖ q) at a temperature by the student's logits: (q - p) / τ
    expected = ((logits / 2).softmax(-1) - (mentor / 2).softmax(-1)) / 2
    assert torch.allclose(found, WEIGHTS.unsqueeze(-1) * expected, rtol=1e-6)


def test_a_weight_of_one_is_the_plain_loss_itself():
    assert answer_weight.weighed(loop.hard_labels, 1.0) is loop.hard_labels


def test_the_gradient_is_the_same_in_chunks(base):
    gradients = []
    for most in (1, 2**25):
        model = loading.load_trainable(base, TrainingSettings())
        loss_of = answer_weight.weighed(loop.hard_labels, 7.0)
        options = {"fill": 0, "precision": "fp32", "most_logits": most}
        chunks.batch_loss(model, ROWS, loss_of, **options).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-4)


def test_a_step_follows_the_setting(base):
    steps = {}
    for weight in (1.0, 10.0):
        settings = TrainingSettings(
            precision="fp32", clip_norm=0, validations=0, answer_weight=weight
        )
        model = loading.load_trainable(base, settings)
        steps[weight] = next(loop.train(model, ROWS, loop.hard_labels, settings, fill=0))
    assert steps[10.0].loss == steps[1.0].loss
    assert steps[10.0].gradient_norm > 2 * steps[1.0].gradient_norm


@pytest.mark.parametrize(
    ("completion", "conclusion"),
    [
        ("Ann has it. So it is (C). --> C", "So it is (C). --> C"),
        ("Ann has it. So it is (C) --> C", "So it is (C) --> C"),
        ("3.5 + 1 = 4.5. It is 4.5 --> 4.5", "It is 4.5 --> 4.5"),
        ("One sentence alone --> 7", "One sentence alone --> 7"),
        ("--> 7", "--> 7"),
        ("A line\n2. another\nThe last --> 7", "The last --> 7"),
        (
            "Ann has it. So she has 4. Therefore, the answer is 4.",
            "So she has 4. Therefore, the answer is 4.",
        ),
        ("Ann has it. The answer is 4.", "4."),
        ("It is hers. So the correct answer is (C) lamp. --> C", "(C) lamp. --> C"),
        ("The answer is near. So it is (C). --> C", "So it is (C). --> C"),
        ("It never says", "It never says"),
    ],
)
def test_a_conclusion_is_where_the_last_sentence_tells_the_answer(completion, conclusion):
    assert completion[answers.find_conclusion(completion) :] == conclusion


@pytest.mark.parametrize(
    ("completion", "answer", "told"),
    [
        ("Ann has (C). So it is (C) lamp. --> C", "C", "(C) lamp. --> C"),
        ("So A boy has (A). --> A", "A", "(A). --> A"),
        ("It is hers. So it is C, not D. --> C", "C", " C, not D. --> C"),
        ("4 + 14 = 18. So she has 14 + 4 = 18. --> 18", "18", " 18. --> 18"),
        ("So it is 180. --> 18", "18", " 18"),
        ("It never says. --> yes", "yes", " yes"),
        ("Who is it? --> Ann. Or Ben", "Ann. Or Ben", " Ann. Or Ben"),
        ("So she has 4. Therefore, the answer is 4.", "4", " 4. Therefore, the answer is 4."),
    ],
)
def test_an_answer_is_found_where_the_conclusion_first_tells_it(completion, answer, told):
    start, stop = answers.find_answer(completion, answer)
    assert completion[start:stop] == answer
    assert completion[start - 1 :] == told


@pytest.mark.parametrize("template", ["arrow", "therefore"])
@pytest.mark.parametrize("name", ["flan-t5", "tiny"])
def test_the_tokens_that_tell_the_answer_are_found(name, template, published_data):
    flan_t5 = published_data / "tokenizers" / "flan-t5"
    is_tiny = name == "tiny"
    tokenizer = tiny_tokenizer.build() if is_tiny else T5Tokenizer.from_pretrained(flan_t5)
    question = Question("q", "Which one?", "C")
    text = "(C) it is not at first. So the answer is (C) lamp."
    texts = (text, "C is the one", "It never says.")
    rows = encoding.encode_completions(
        tokenizer,
        [question],
        [Rationale("q", one, "C", "teacher", True) for one in texts],
        family="causal" if is_tiny else "encoder-decoder",
        template=template,
        max_tokens=99,
        find_answers=True,
    )
    parts = [
        [tokenizer.decode(part).strip() for part in (row.label[start:stop], row.label[stop:-1])]
        for row, (start, stop) in ((row, row.answer) for row in rows)
    ]
    mark = "--> C" if template == "arrow" else "Therefore, the answer is C."
    dot = "" if template == "arrow" else "."
    assert parts == [["C", f") lamp. {mark}"], ["C", f"is the one{dot} {mark}"], ["C", dot]]


def test_rows_keep_where_their_answers_are_and_padding_does_not_move_them():
    assert list(Rows(ROWS)) == ROWS
    assert [row.answer for row in mistakes.with_padding(ROWS, 0)] == [row.answer for row in ROWS]


def test_what_a_mentor_said_to_a_row_is_found_wherever_its_answer_is():
    assert len({Row((5,), (6, 7, 1), answer).key for answer in ((0, 0), (0, 1), (1, 2))}) == 1


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(ValueError, match="answer_weight must be above 0, got 0"):
        TrainingSettings(answer_weight=0)
