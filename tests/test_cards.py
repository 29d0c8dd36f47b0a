"""Cards: what they say is true to the record, safe for any text, and there without styling."""

import re
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser

import pytest
from IPython.display import Markdown

from mkdkit.filters import Filtered
from mkdkit.records import Question, Rationale
from mkdkit.show import cards
from mkdkit.tasks.checks import Slip

QUESTION = Question("made/1", "Ann has 3 coins of $5 & a $14 note.\nHow much is it?", "29")
TEXT = "The coins are 3 * 5 = 16 dollars. With the note it is 16 + 14 = 30.\nSo it is 30."
WRONG = Rationale("made/1", TEXT, "30", "mentor", is_correct=False)
RIGHT = Rationale("made/1", "3 * 5 = 15. 15 + 14 = 29.", "29", "teacher", is_correct=True)
CUT = Rationale("made/1", "The coins and the", None, "student", False, is_complete=False)
NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)></div></li>&amp;"


def slip(part: str, reason: str = "why") -> Slip:
    start = TEXT.index(part)
    return Slip(start, start + len(part), reason)


@dataclass
class Page(HTMLParser):
    """The words, tags and attributes of a piece of HTML; complains about tags left open."""

    def __init__(self, html: str):
        super().__init__()
        self.words, self.tags, self.open = "", [], []
        self.feed(html)
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}


def marked(html: str) -> list[str]:
    return [unescape(piece) for piece in re.findall(r"<mark[^>]*>(.*?)</mark>", html, re.S)]


def steps(html: str) -> list[str]:
    items = re.findall(r"<li>(.*?)</li>", html, re.S)
    return [unescape(re.sub(r"<i>\(slip.*?</i>|<[^>]+>", "", item)).rstrip() for item in items]


def test_a_card_has_question_steps_and_judgement():
    page = Page(cards.rationale_card(QUESTION, WRONG, verdict="wrong answer").data)
    for words in ("How much is it?", "29", "mentor", "30 ✗ wrong", "Filter wrong answer"):
        assert words in page.words
    assert "29 ✓ right" in Page(cards.rationale_card(QUESTION, RIGHT).data).words


def test_the_steps_are_the_whole_text_cut_at_sentences_and_lines():
    found = steps(cards.rationale_card(QUESTION, WRONG).data)
    assert found == [
        "The coins are 3 * 5 = 16 dollars.",
        "With the note it is 16 + 14 = 30.",
        "So it is 30.",
    ]


def test_a_decimal_point_does_not_end_a_step():
    rationale = Rationale(
        "made/1", "Half of 5 is 2.5 and twice that is 5. 000 more.", "5", "teacher", False
    )
    assert len(steps(cards.rationale_card(QUESTION, rationale).data)) == 2


def test_an_answer_that_was_not_found_and_a_cut_text_are_said():
    words = Page(cards.rationale_card(QUESTION, CUT).data).words
    assert "none found" in words
    assert "cut off at the length limit" in words


def test_a_slip_is_marked_and_its_reason_written_out():
    html = cards.rationale_card(QUESTION, WRONG, slips=[slip("3 * 5 = 16", "3 * 5 is 15")]).data
    assert marked(html) == ["3 * 5 = 16"]
    assert "(slip: 3 * 5 is 15)" in Page(html).words  # seen where colours are dropped


def test_marking_changes_no_character_of_the_text():
    slips = [slip("coins are 3 * 5"), slip("3 * 5 = 16"), slip("30.\nSo it", "over two steps")]
    plain = steps(cards.rationale_card(QUESTION, WRONG).data)
    html = cards.rationale_card(QUESTION, WRONG, slips=slips).data
    assert steps(html) == plain
    assert "".join(marked(html)) == "coins are 3 * 5 = 1630.So it"
    assert html.count("over two steps") == 1


@pytest.mark.parametrize(
    "card",
    [
        lambda q, r: cards.rationale_card(q, r, verdict=NASTY, slips=[Slip(2, 40, NASTY)]),
        lambda q, r: cards.side_by_side(q, [r, r]),
        lambda q, r: cards.filter_card(Filtered([], {NASTY: [r]}), {q.id: q}),
        lambda q, r: cards.filter_card(Filtered([], {"duplicate": [r]})),
        lambda q, r: cards.table([{NASTY: NASTY}], caption=NASTY),
    ],
)
def test_text_that_looks_like_html_stays_text(card):
    question = Question(NASTY, NASTY, NASTY)
    page = Page(card(question, Rationale(NASTY, NASTY, NASTY, "student", False)).data)
    assert page.names().isdisjoint({"script", "img"})
    assert NASTY in page.words or "<script>alert(1)</script>" in page.words


@pytest.mark.parametrize(
    "html",
    [
        cards.rationale_card(QUESTION, RIGHT).data,
        cards.side_by_side(QUESTION, [RIGHT]).data,
        cards.table([{"price": "$5 to $6"}]).data,
        cards.filter_card(Filtered([], {"duplicate": [RIGHT]}), {QUESTION.id: QUESTION}).data,
    ],
)
def test_dollars_are_money_not_formulas_and_no_background_is_fixed(html):
    outside = re.sub(
        r"<(div|table) class=\"tex2jax_ignore mathjax_ignore\".*</\1>", "", html, flags=re.S
    )
    assert "$" not in outside
    assert not re.search(r"background(-color)?:\s*(#|white|rgb\()", html)
    assert not re.search(r"(?<![-\w])color:\s*(?!inherit)", html)


def test_a_card_refuses_a_rationale_of_another_question():
    other = Rationale("made/2", "5", "5", "teacher", True)
    for draw in (cards.rationale_card, lambda q, r: cards.side_by_side(q, [RIGHT, r])):
        with pytest.raises(ValueError, match=r"question 'made/1' and a rationale for 'made/2'"):
            draw(QUESTION, other)


def test_the_first_step_at_which_rationales_part_is_marked_in_every_column():
    one = Rationale("made/1", "3 * 5 = 15. 15 + 14 = 29. So 29.", "29", "teacher", True)
    other = Rationale("made/1", "3 * 5 is 15. 15 + 14 is 19. So 29.", "29", "student", True)
    html = cards.side_by_side(QUESTION, [one, other], names=["teacher", "fine_tune_cot"]).data
    said = Page(html).words
    assert f"{cards.PARTED} 15 + 14 = 29." in said
    assert f"{cards.PARTED} 15 + 14 is 19." in said
    assert said.count(cards.PARTED) == 3  # two steps, and the line that says what it means
    assert "is step 2" in said
    assert "fine_tune_cot" in said
    assert "all steps end alike" in Page(cards.side_by_side(QUESTION, [one, one]).data).words


def test_a_bare_answer_has_no_chain_to_part_from():
    bare = Rationale("made/1", "--> 29", "29", "student", True)
    other = Rationale("made/1", "3 * 5 = 15. So 16.", "16", "student", False)
    html = cards.side_by_side(QUESTION, [bare, RIGHT, other]).data
    assert "is step 2" in Page(html).words
    assert f"{cards.PARTED} --&gt;" not in html
    for alone in ([RIGHT], [bare, RIGHT], [bare, bare]):
        assert "end alike" not in Page(cards.side_by_side(QUESTION, alone).data).words


def test_slips_are_marked_in_their_own_column():
    html = cards.side_by_side(QUESTION, [RIGHT, WRONG], slips=[(), [slip("3 * 5 = 16")]]).data
    assert marked(html) == ["3 * 5 = 16"]


def test_side_by_side_has_a_column_for_each_rationale_in_order():
    page = Page(cards.side_by_side(QUESTION, [RIGHT, WRONG, CUT]).data)
    assert [tag for tag, _ in page.tags].count("td") == 3
    places = [page.words.index(source) for source in ("teacher", "mentor", "student")]
    assert places == sorted(places)
    assert page.words.count("How much is it?") == 1


def cells(html: str) -> list[str]:
    return [unescape(cell) for cell in re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", html)]


def test_a_table_formats_each_kind_of_value():
    rows = [
        {"arm": "mentor_kd", "accuracy": 61.25, "interval": (54.3, 68), "n": 1200, "sure": True},
        {"arm": "mentor", "accuracy": None, "interval": None, "n": 7, "change": -2.5},
    ]
    html = cards.table(rows, caption="Accuracy", digits=1).data
    assert cells(html) == [
        *("arm", "accuracy", "interval", "n", "sure", "change"),
        *("mentor_kd", "61.2", "54.3 to 68.0", "1,200", "yes", "–"),
        *("mentor", "–", "–", "7", "–", "−2.5"),
    ]
    assert "Accuracy" in Page(html).words
    sides = [attributes["align"] for tag, attributes in Page(html).tags if tag == "th"]
    assert sides == ["left", "right", "right", "right", "left", "right"]


def test_the_digits_of_a_table_can_be_chosen():
    assert cells(cards.table([{"x": 0.12345}], digits=3).data) == ["x", "0.123"]


def test_a_filter_card_counts_everything_and_opens_examples():
    filtered = Filtered(
        [RIGHT], {"no answer": [CUT], "wrong answer": [WRONG, WRONG], "duplicate": []}
    )
    html = cards.filter_card(filtered, {QUESTION.id: QUESTION}).data
    assert cells(html)[4:] == [
        *("kept", "1", "25.0", "█" * 8, "no answer", "1", "25.0", "█" * 8),
        *("wrong answer", "2", "50.0", "█" * 15, "duplicate", "0", "0.0", ""),
    ]
    assert re.findall(r"<summary>(.*?)</summary>", html) == [
        "dropped: no answer",
        "dropped: wrong answer",
    ]
    assert cards.filter_card(filtered, examples=2).data.count("<details>") == 3


def test_source_shows_a_function_as_it_stands_in_the_package():
    shown = cards.source(cards.exercise)
    assert isinstance(shown, Markdown)
    first, where, *code, last = shown.data.splitlines()
    assert (first, where, last) == ("```python", "# mkdkit/show/cards.py", "```")
    assert code[0] == "def exercise(text: str, solution: str) -> Markdown:"


def test_source_shows_a_method_without_its_indent():
    assert "\ndef names(self)" in cards.source(Page.names).data


def test_an_exercise_folds_its_solution():
    shown = cards.exercise("What is λ = 0?", "Plain *fine-tuning*.").data
    before, after = shown.split("<details><summary>Solution</summary>\n\n")
    assert before == "**Exercise.** What is λ = 0?\n\n"
    assert after == "Plain *fine-tuning*.\n\n</details>"


def test_provenance_is_one_line_of_what_made_a_result():
    done = {
        "stage": "mentor",
        "key": "0123abcd",
        "seconds": 83.24,
        "peak_gib": 1.206,
        "device": "cpu",
        "versions": {"mkdkit": "0.1.0", "python": "3.11.7", "torch": "2.13.0"},
        "finished": "2026-01-02T03:04:05+00:00",
    }
    assert cards.provenance(done).data == (
        "*Made by: stage `mentor`, key `0123abcd`; 83.2 s; peak 1.21 GiB; on cpu; "
        "mkdkit 0.1.0, torch 2.13.0; 2026-01-02.*"
    )
