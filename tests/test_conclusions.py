"""What weighs more at the end of a completion, and that nothing else changes by it."""

from dataclasses import replace

import pytest
import torch
from bases import FAMILIES
from transformers import T5Tokenizer

from mkdkit.models import encoding, loading
from mkdkit.models.rows import Row, Rows
from mkdkit.pipeline import recipes
from mkdkit.pipeline.stages import students
from mkdkit.records import Question, Rationale
from mkdkit.settings import TrainingSettings
from mkdkit.tasks import answers
from mkdkit.training import chunks, conclusions, loop, losses

ROWS = [Row((5, 6), (7, 8, 9, 1), conclusion=2), Row((5,), (6, 1)), Row((4,), (3, 2, 1), 3)]
WEIGHTS = torch.tensor([1, 1, 10, 10, 1, 1, 10, 10, 10.0])


@pytest.fixture(params=FAMILIES)
def base(request, bases):
    return bases[request.param]


def logits_and_labels():
    torch.manual_seed(0)
    logits = torch.randn(9, 12, dtype=torch.float64, requires_grad=True)
    return logits, torch.tensor([token for row in ROWS for token in row.label])


def test_the_gradient_is_that_of_a_weighted_sum_and_the_loss_is_that_of_a_plain_one():
    logits, labels = logits_and_labels()
    loss = conclusions.weighed(loop.hard_labels, 10.0)(logits, labels, ROWS)
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

    loss = conclusions.weighed(soft, 10.0)(logits, labels, ROWS)
    (found,) = torch.autograd.grad(loss, logits)
    # of KL(p ‖ q) at a temperature by the student's logits: (q - p) / τ
    expected = ((logits / 2).softmax(-1) - (mentor / 2).softmax(-1)) / 2
    assert torch.allclose(found, WEIGHTS.unsqueeze(-1) * expected, rtol=1e-6)


def test_a_weight_of_one_is_the_plain_loss_itself():
    assert conclusions.weighed(loop.hard_labels, 1.0) is loop.hard_labels


def test_the_gradient_is_the_same_in_chunks(base):
    gradients = []
    for most in (1, 2**25):
        model = loading.load_trainable(base, TrainingSettings())
        loss_of = conclusions.weighed(loop.hard_labels, 7.0)
        options = {"fill": 0, "precision": "fp32", "most_logits": most}
        chunks.batch_loss(model, ROWS, loss_of, **options).backward()
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert torch.allclose(*gradients, rtol=1e-3, atol=1e-4)


def test_a_step_follows_the_setting(base):
    steps = {}
    for weight in (1.0, 10.0):
        settings = TrainingSettings(
            precision="fp32", clip_norm=0, validations=0, conclusion_weight=weight
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


def test_conclusions_are_counted_for_flan_t5_too(published_data):
    tokenizer = T5Tokenizer.from_pretrained(published_data / "tokenizers" / "flan-t5")
    question = Question("q", "Which one?", "C")
    written = Rationale("q", "It is hers. So the answer is (C) lamp.", "C", "teacher", True)
    (row,) = encoding.encode_completions(
        tokenizer,
        [question],
        [written],
        family="encoder-decoder",
        template="arrow",
        max_tokens=99,
        conclusions=True,
    )
    conclusion = tokenizer.decode(row.label[-row.conclusion :], skip_special_tokens=True)
    assert conclusion == "(C) lamp. --> C"


def test_an_arm_that_learns_padding_has_no_weighted_conclusion():
    recipe = recipes.smoke("coin_flip")
    recipe = replace(recipe, student=replace(recipe.student, conclusion_weight=5.0))
    with pytest.raises(ValueError, match="leave conclusion_weight at 1"):
        students.require_possible(recipe, "mentor_kd_padding_learnt")
    students.require_possible(recipe, "mentor_kd")


@pytest.mark.parametrize("template", ["arrow", "therefore"])
def test_the_tokens_that_conclude_are_counted_as_they_are_written(template):
    tokenizer = loading.load_tokenizer("tiny-student")
    question = Question("q", "How many?", "12")
    text = "She has 3 boxes of 4 pens. So she has 12 pens."
    written = Rationale("q", text, "12", "teacher", is_correct=True)
    options = {"family": "causal", "template": template, "max_tokens": 99}
    (plain,) = encoding.encode_completions(tokenizer, [question], [written], **options)
    (row,) = encoding.encode_completions(
        tokenizer, [question], [written], **options, conclusions=True
    )
    assert plain == replace(row, conclusion=0)
    assert plain.key == row.key  # what a mentor said to it is found
    ending = {"arrow": " --> 12", "therefore": " Therefore, the answer is 12."}[template]
    conclusion = tokenizer.decode(row.label[-row.conclusion : -1])
    assert conclusion.strip() == f"So she has 12 pens.{ending}"


def test_rows_are_kept_with_what_concludes_them():
    assert list(Rows(ROWS)) == ROWS


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(ValueError, match="conclusion_weight must be above 0, got 0"):
        TrainingSettings(conclusion_weight=0)
