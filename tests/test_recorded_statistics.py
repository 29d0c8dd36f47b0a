"""Statistics of rationales: small sets counted by hand, and the published numbers."""

import json
from pathlib import Path

import pytest

pytest.importorskip("mkdkit.tasks.checks", exc_type=ImportError)

from mkdkit.evaluation import recorded_statistics
from mkdkit.evaluation.rationale_statistics import (
    compare_with_teacher,
    coverage,
    describe,
    word_overlap,
)
from mkdkit.records import Question, Rationale
from mkdkit.tasks import catalogue

RESULTS = Path(__file__).parents[1] / "data" / "results"
SVAMP = catalogue.find("svamp")
QUESTIONS = [Question(f"q{n}", f"Ann has {n} pens and finds 1. How many?", "9") for n in range(3)]


def rationale(question: int, text: str, is_correct: bool, source: str = "teacher") -> Rationale:
    prediction = "9" if is_correct else "8"
    return Rationale(f"q{question}", text, prediction, source, is_correct)  # type: ignore[arg-type]


def test_a_small_set_is_counted_as_by_hand():
    found = describe(
        [
            rationale(0, "one two three", True),
            rationale(0, "one  two\nthree", True),
            rationale(1, "one " * 25, False),
        ],
        questions=QUESTIONS,
        task=SVAMP,
    )
    assert (found["rows"], found["questions"], found["known_questions"]) == (3, 2, 3)
    assert found["questions_by_rationales"] == {1: 1, 2: 1}
    assert (found["correct"], found["accuracy"]) == (2, 66.67)
    assert (found["covered_questions"], found["duplicates"], found["with_newline"]) == (1, 1, 1)
    assert found["words"]["mean"] == round((3 + 3 + 25) / 3, 1)
    assert found["words"]["bars"][:3] == [2, 0, 1]
    assert (found["mean_words_right"], found["mean_words_wrong"]) == (3, 25)


def test_false_equations_are_counted_apart_in_right_and_wrong():
    found = describe(
        [
            rationale(0, "8 + 1 = 9", True),
            rationale(1, "7 + 1 = 9", True),
            rationale(2, "6 + 1 = 8", False),
        ],
        questions=QUESTIONS,
        task=SVAMP,
    )
    assert (found["slips_in_right"], found["slips_in_wrong"]) == (50.0, 100.0)


def test_nothing_is_not_described():
    with pytest.raises(ValueError, match="no rationales to describe"):
        describe([], questions=QUESTIONS, task=SVAMP)


def test_what_a_mentor_adds_is_counted_as_by_hand():
    teacher = [rationale(0, "She has\nnine.", True), rationale(1, "Nine, then.", True)]
    mentor = [
        rationale(0, "She has nine.", True, "mentor"),  # a copy, but for the line break
        rationale(0, "Nine, then.", True, "mentor"),  # another question's words: no copy
        rationale(1, "Eight.", False, "mentor"),
        rationale(2, "Nine pens.", True, "mentor"),  # newly covered
        rationale(2, "Eight pens.", False, "mentor"),
    ]
    found = compare_with_teacher(mentor, teacher)
    assert (found["right_copies"], found["right_copies_share"]) == (1, 33.33)
    assert (found["newly_covered_questions"], found["questions_right_and_wrong"]) == (1, 1)
    assert (found["seen"]["rows"], found["seen"]["accuracy"]) == (3, 66.67)
    assert (found["unseen"]["questions"], found["unseen"]["accuracy"]) == (1, 50.0)


def test_word_overlap_is_the_mean_over_pairs_of_one_question():
    rationales = [
        rationale(0, "she has nine pens", True),
        rationale(0, "She has\nten cups", True),  # 2 words in both, 6 in either
        rationale(0, "she has nine pens", True),  # 4 of 4 with the first, 2 of 6 with the second
        rationale(1, "nine", True),  # alone: no pair
    ]
    assert word_overlap(rationales) == round((2 / 6 + 1 + 2 / 6) / 3, 3)
    assert word_overlap(rationales[-1:]) is None


def test_coverage_is_the_chance_of_a_right_one_among_k():
    # q0: one of two is right; q1: none. One drawn: 1/2 and 0; both drawn: 1 and 0
    rationales = [
        rationale(0, "a", True),
        rationale(0, "b", False),
        rationale(1, "c", False),
        rationale(1, "d", False),
    ]
    assert coverage(rationales) == [25.0, 50.0]


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("First 4 and 5. So 9 pens of 12. Good!", True),
        ("So 9 pens.\nAnd 3 cups.", False),
        ("So 19 pens.", False),
        ("Some pens.", False),
        ("It is 9.0 in all", True),
    ],
)
def test_the_known_answer_is_looked_for_in_the_last_sentence_with_a_number(text, states):
    assert recorded_statistics.states_known_answer(text, "9") is states


# --- the published files; the numbers are those of the papers' data, counted before by others

PUBLISHED = {  # mean words of the teacher; the mentor's accuracy on seen and unseen questions
    "svamp": (72.7, 0.793, 0.061, 49, 4, 25.3),
    "tracking_shuffled_objects": (96.3, 0.902, 0.154, 13, 4, 1.3),
    "last_letter_concatenation": (35.5, 0.980, None, 0, 0, 14.5),
}
WORD_OVERLAP = {  # teacher, mentor
    "svamp": (0.38, 0.56),
    "tracking_shuffled_objects": (0.54, 0.62),
    "last_letter_concatenation": (0.37, 0.57),
}


@pytest.fixture(scope="module")
def measured(published_data, tmp_path_factory) -> dict[str, dict]:
    results = tmp_path_factory.mktemp("results")
    paths = recorded_statistics.write(str(published_data), results)
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@pytest.mark.parametrize("task", PUBLISHED)
def test_the_published_mentor_is_as_it_was_measured(measured, task):
    words, seen, unseen, unseen_questions, new, copies = PUBLISHED[task]
    found = measured["recorded_mentor_kd.json"]["tasks"][task]
    assert found["teacher"]["words"]["mean"] == words
    overlap = [found[kind]["word_overlap"] for kind in ("teacher", "mentor")]
    assert overlap == pytest.approx(WORD_OVERLAP[task], abs=0.006)
    mentor = found["mentor"]
    assert mentor["seen"]["accuracy"] / 100 == pytest.approx(seen, abs=6e-4)
    assert mentor["unseen"]["questions"] == unseen_questions
    if unseen is not None:
        assert mentor["unseen"]["accuracy"] / 100 == pytest.approx(unseen, abs=6e-4)
    assert mentor["newly_covered_questions"] == new
    assert mentor["right_copies_share"] == pytest.approx(copies, abs=0.06)
    assert mentor["disagreements"] == 0


def test_the_unfiltered_teacher_is_as_it_was_measured(measured):
    found = measured["recorded_mcc_kd.json"]["tasks"]["svamp"]
    assert (found["rows"], found["questions_by_rationales"]) == (7000, {"10": 700})
    bound = found["known_answer_in_last_numeric_sentence"]["share"]
    assert bound == pytest.approx(77.6, abs=0.3)
    assert found["accuracy"] < bound  # looking for the known answer finds more than there is
    assert found["coverage_by_rationales"][0] == found["accuracy"]
    assert found["coverage_by_rationales"][-1] == round(100 * found["covered_questions"] / 700, 2)


def test_our_extractor_reads_what_was_read_by_hand(measured):
    samples = measured["recorded_mcc_kd.json"]["tasks"]["svamp"]["hand_read"]
    assert (samples["first"]["rows"], samples["fresh"]["rows"]) == (200, 100)
    assert samples["first"]["error_rate"] <= 12
    assert samples["fresh"]["error_rate"] <= 8


@pytest.mark.parametrize("name", ["recorded_mentor_kd.json", "recorded_mcc_kd.json"])
def test_the_committed_numbers_are_those_the_package_measures(measured, name):
    committed = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    assert committed["tasks"] == measured[name]["tasks"]
    assert committed["provenance"]["commit"] == measured[name]["provenance"]["commit"]


def test_committed_results_hold_no_texts():
    """Names, dates and kinds only: no string in them is as long as a question."""

    def strings(value: object) -> list[str]:
        if isinstance(value, dict):
            return [text for item in value.values() for text in strings(item)]
        if isinstance(value, list):
            return [text for item in value for text in strings(item)]
        return [value] if isinstance(value, str) else []

    paths = sorted(RESULTS.glob("recorded_*.json"))
    assert len(paths) == 3
    for path in paths:
        content = json.loads(path.read_text(encoding="utf-8"))
        content.pop("provenance")
        assert max(map(len, strings(content)), default=0) < 60


def test_more_tries_never_find_fewer_right_rationales():
    """Of a question that has one, one is drawn, however many there are of others."""
    wrong = [Rationale("a", "x", "1", "teacher", is_correct=False)] * 3
    assert coverage([*wrong, Rationale("b", "x", "2", "teacher", is_correct=True)]) == [50.0] * 3
