"""Answers in LaTeX and in bold print, as models write them."""

import pytest

from mkdkit.tasks import markup
from mkdkit.tasks.answers import extract, same_answer
from mkdkit.tasks.catalogue import find

FREE = find("mathematics")
TASKS = {
    "number": find("svamp"),
    "choice": find("date_understanding"),
    "yes_no": find("coin_flip"),
    "letters": find("last_letter_concatenation"),
}


@pytest.mark.parametrize(
    ("completion", "expression"),
    [
        ("Answer: **5**", "5"),
        ("**Answer: 5**", "5"),
        ("Answer: 2**3", "2**3"),
        (r"The answer is \[5\].", "5"),
        ("Answer:\n$$\n\\frac{3}{4}\n$$", r"\frac{3}{4}"),
        ("Answer: \n\\[\n\\frac{3}{4}\n\\]", r"\frac{3}{4}"),
        ("The answer is the sum:\n\\(\\frac{3}{4}\\)", r"\frac{3}{4}"),
        ("The answer is 5, since 2+3=5.", "5"),
        ("The answer is 5 because $2+3=5$.", "5"),
        ("The answer is $5$ because $2+3=5$.", "5"),
        ("The answer is 5. I hope it is correct.", "5"),
        ("Answer: 5! + 2", "5! + 2"),
        ("Answer: x\nwhich we check with $2x$", "x"),
        ("Answer: $5", "5"),
        ("Answer: $.$", None),
        ("Answer: $$", None),
        (r"Answer: \[", None),
    ],
)
def test_a_marked_expression_stands_without_its_markup(completion, expression):
    assert extract(completion, FREE).strict == expression


@pytest.mark.parametrize(
    ("completion", "expression"),
    [
        (r"Therefore \(\frac{1}{2}\).", r"\frac{1}{2}"),
        ("We get $1$, so\n\\[\n\\frac{1}{2}\n\\]", r"\frac{1}{2}"),
        ("We get $1$, so $$\nx + 1.\n$$", "x + 1"),
        ("It is $ x + 1 $ .", "x + 1"),
        ("She has $3 and pays $5.", "5"),  # money, and no formula "3 and pays"
        ("so $.$", None),
    ],
)
def test_without_a_mark_the_last_formula_is_the_answer(completion, expression):
    assert extract(completion, FREE).flexible == expression


@pytest.mark.parametrize("reference", [r"\(5\)", r"\[5\]", "$$\n5\n$$", "$5.$", "$5$."])
def test_a_reference_may_stand_in_signs_of_formulas(reference):
    assert same_answer("5", reference, FREE)
    assert not same_answer("6", reference, FREE)


@pytest.mark.parametrize(
    ("kind", "boxed", "answer"),
    [
        ("letters", r"\boxed{\text{yajc}}", "yajc"),
        ("choice", r"\boxed{\text{A}}", "A"),
        ("choice", r"\boxed{\textbf{(A)} 5}", "A"),
        ("choice", r"\boxed{\mathrm{\text{A}}}", "A"),
        ("yes_no", r"\boxed{\text{Yes}}", "yes"),
        ("number", r"\boxed{1{,}250}", "1250"),
        ("number", r"\boxed{1,\!250}", "1250"),
        ("number", r"\boxed{1\,250}", "1250"),
        ("number", r"\boxed{\frac{3}{4}}", "3/4"),
        ("number", r"\boxed{-\dfrac34}", "-3/4"),
        ("number", r"\boxed{2\tfrac{1}{2}}", "2 1/2"),
        ("number", r"\boxed{12\text{ apples}}", "12"),
        ("number", r"\boxed{\$1,250.50}", "1250.50"),
    ],
)
def test_what_is_wrapped_in_latex_is_read(kind, boxed, answer):
    assert extract(f"so it is ${boxed}$.", TASKS[kind]).strict == answer


def test_text_without_latex_is_left_as_it_is():
    text = "3 + {4} = 7, and {a, b} cost $5 or 50%"
    assert markup.plain(text) == text
