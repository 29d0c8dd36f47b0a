"""Questions about other things: the swaps stay, and so does whether a rationale is right."""

import json
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from mkdkit import records
from mkdkit.models import tiny_tokenizer
from mkdkit.pipeline import recipes, tiny_regime
from mkdkit.pipeline.stages import data, renamed_copies
from mkdkit.records import Question, Rationale
from mkdkit.settings import QuestionSettings
from mkdkit.tasks import catalogue, check_swaps, procedural, renaming, swaps
from mkdkit.teachers import recorded, scripted

TASK = "tracking_shuffled_objects"
BALLS = (
    "Ann, Ben, and Cara are playing a game. At the start of the game, they are each holding a "
    "ball: Ann has a orange ball, Ben has a white ball, and Cara has a blue ball. \n\nAs the game "
    "progresses, pairs of players trade balls. First, Ann and Ben swap balls. Then, Ben and Cara "
    "swap balls. At the end of the game, Cara has the \nWhich choice is true? Answer choices: "
    "(A) orange ball, (B) white ball, (C) blue ball."
)
BOOKS = (
    "Ann, Ben, and Cara are friends who trade books. At the start of the semester, they each buy "
    "one new book: Ann gets The Pearl, Ben gets Moby Dick, and Cara gets Lolita. \n\nFirst, Ann "
    "and Cara swap books. At the end of the semester, Ann has \nWhich choice is true? Answer "
    "choices: (A) The Pearl, (B) Moby Dick, (C) Lolita."
)
WORDS = ["table", "oven", "cloud", "river", "spoon"]


@pytest.mark.parametrize("text", [BALLS, BOOKS])
def test_a_renamed_question_has_the_same_answer_by_another_item(text):
    names = renaming.draw_names(text, WORDS, Random(0))
    renamed = renaming.rename(text, names)
    before, after = swaps.read(text), swaps.read(renamed)
    assert renaming.is_same_deal(text, renamed, names)
    assert swaps.answer(before) == swaps.answer(after)
    assert not set(before.items) & set(after.items)


def test_what_all_things_end_in_stays_and_titles_keep_their_capitals():
    balls = swaps.read(renaming.rename(BALLS, renaming.draw_names(BALLS, WORDS, Random(0))))
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)? ball", item) for item in balls.items)
    books = swaps.read(renaming.rename(BOOKS, renaming.draw_names(BOOKS, WORDS, Random(0))))
    assert all(item.istitle() for item in books.items)


def test_a_thing_is_renamed_however_it_is_called():
    names = {"the pearl": "Oven", "pearl": "Oven", "moby dick": "River", "an": "No"}
    text = "Ann has Pearl, Ben has the pearl and Cara has MOBY DICK, not Pearls."
    expected = "Ann has Oven, Ben has Oven and Cara has River, not Pearls."
    assert renaming.rename(text, names) == expected
    assert renaming.names_left(expected, names) == set()
    assert renaming.names_left("Ben has Moby.", names) == {"moby"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ann has an orange ball.", "Ann has a table ball."),
        ("Ann has a white ball.", "Ann has an oven ball."),
        ("A white ball is hers.", "An oven ball is hers."),
    ],
)
def test_the_article_follows_the_name(text, expected):
    assert renaming.rename(text, {"orange": "table", "white": "oven"}) == expected


def test_a_question_without_swaps_has_no_things():
    assert renaming.draw_names("How many are left?", WORDS, Random(0)) is None


def write(settings, copies):
    """Questions and rationales of a recorded set with copies, as the stages have them."""
    recipe = recipes.with_source(recipes.make("tiny", TASK), settings.source)
    recipe = replace(recipe, questions=replace(settings, renamed_copies=copies))
    asked, written = data.questions(recipe), data.teacher_rationales(recipe)
    return data.read_splits(asked), data.read_written(written)


@pytest.fixture(autouse=True)
def own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))


def test_a_question_that_cannot_be_read_as_the_same_is_named():
    question = Question("q7", BALLS, "B")
    with pytest.raises(ValueError, match="'q7' is not read as the same"):
        list(renamed_copies.copies_of(question, ["First. Ann", "a)", "b)"], 1))


def test_another_set_is_never_taken_for_one_that_was_copied(recorded_set):
    once = replace(recorded_set, renamed_copies=1)
    recipe = replace(recipes.smoke(TASK), questions=once)
    first = data.questions(recipe).key
    assert data.questions(recipe).key == first
    twice = replace(recipe, questions=replace(once, renamed_copies=2))
    assert data.questions(twice).key != first
    rationales = Path(recorded_set.data_dir) / "rationales.jsonl"
    lines = rationales.read_text(encoding="utf-8").splitlines(keepends=True)
    rationales.write_text("".join(lines[1:]), encoding="utf-8")
    assert data.questions(recipe).key != first


@pytest.fixture
def recorded_set(tmp_path):
    """A recorded set made from rule-made questions and scripted rationales, some of them flawed."""
    asked = QuestionSettings(task=TASK, train=30, validation=5, test=6)
    splits = procedural.make_splits(asked)
    teacher = replace(recipes.make("tiny", TASK).teacher, slip_rate=0.5)
    written = scripted.write_rationales(splits.train, task=catalogue.find(TASK), settings=teacher)
    folder = tmp_path / "set"
    folder.mkdir()
    for name in data.SPLITS:
        records.write_questions(folder / f"{name}.jsonl", getattr(splits, name))
    records.write_rationales(folder / "rationales.jsonl", written)
    return replace(asked, source="jsonl", data_dir=str(folder), train=None, test=None)


def test_a_check_finds_the_same_rationales_flawed_about_other_things(recorded_set):
    splits, rationales = write(recorded_set, copies=2)
    questions = {one.id: one for one in splits.train}
    is_flawed = {}
    for one in rationales:
        question = questions[one.question_id]
        assert swaps.answer(swaps.read(question.text)) == question.answer
        original = one.question_id.partition("#")[0]
        found = bool(check_swaps.find_slips(question, one.text))
        is_flawed.setdefault((original, one.prediction), []).append(found)
    assert {len(found) for found in is_flawed.values()} == {3}
    assert all(len(set(found)) == 1 for found in is_flawed.values())
    assert {found[0] for found in is_flawed.values()} == {False, True}


def test_copies_are_of_training_questions_alone_and_come_out_the_same(
    recorded_set, tmp_path, monkeypatch
):
    splits, rationales = write(recorded_set, copies=3)
    whole = recorded.read_recorded_questions(recorded_set)
    assert len(splits.train) == 4 * 30
    assert list(splits.train[::4]) == list(whole.train)
    assert (list(splits.validation), list(splits.test)) == (list(whole.validation), whole.test)
    assert len({one.text for one in splits.train}) == 120
    first = list(splits.train), list(rationales)
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "other runs"))
    again, rationales = write(recorded_set, copies=3)
    assert (list(again.train), list(rationales)) == first


def test_no_thing_is_called_by_a_word_of_the_set():
    question = Question("q", BALLS, "B")
    rationale = Rationale("q", "Afterwards Cara has the yellow basket.", "B", "teacher", True)
    words = renamed_copies.words_beside([question], [rationale])
    assert "baskets" in words
    assert not {"basket", "yellow", "white", "pairs"} & set(words)


def test_most_names_are_read_letter_by_letter_as_most_published_things_are(published_data):
    folder = str(published_data / "mentor-kd")
    settings = QuestionSettings(
        task=TASK, source="mentor-kd", data_dir=folder, train=None, test=None
    )
    tokenizer = tiny_tokenizer.build()

    def spelled(words):
        return sum(len(tokenizer(f" {word}").input_ids) > 1 for word in words) / len(words)

    splits = recorded.read_recorded_questions(settings)
    deals = [swaps.read(one.text) for one in splits.train]
    shortest = [min(swaps.names_of(item, deal), key=len) for deal in deals for item in deal.items]
    assert abs(spelled(renamed_copies.words_beside([], [])) - spelled(shortest)) < 0.1


def test_a_set_without_swaps_has_no_copies(tmp_path):
    questions = [Question(f"q{n}", f"How many are {n} and 2?", str(n + 2)) for n in range(6)]
    records.write_questions(tmp_path / "train.jsonl", questions[:4])
    records.write_questions(tmp_path / "test.jsonl", questions[4:])
    records.write_rationales(
        tmp_path / "rationales.jsonl", [Rationale("q0", "0 + 2 = 2.", "2", "teacher", True)]
    )
    settings = QuestionSettings(
        task="svamp", source="jsonl", data_dir=str(tmp_path), train=None, validation=1
    )
    with pytest.raises(ValueError, match="no copies about other things; leave renamed_copies at 0"):
        write(settings, copies=1)


def test_rule_made_questions_are_made_anew_and_not_copied():
    recipe = recipes.make("smoke", TASK)
    recipe = replace(recipe, questions=replace(recipe.questions, renamed_copies=1))
    with pytest.raises(ValueError, match=r"got 1 of rule-made ones; .* raise questions\.train"):
        data.questions(recipe)


def test_a_trial_says_how_many_copies_it_had(recorded_set, tmp_path, monkeypatch, bases):
    small = recipes.with_bases(recipes.smoke(TASK), mentor=bases["causal"], student=bases["causal"])
    monkeypatch.setattr(recipes, "tiny", lambda task: small)
    command = [TASK, "fine_tune_cot", "--source", "jsonl", "--data-dir", recorded_set.data_dir]
    options = ["--set", "questions.renamed_copies=2", "--folder", str(tmp_path)]
    tiny_regime.main([*command, *options])
    (row,) = (tmp_path / "tiny_regime.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert row.endswith("questions.renamed_copies=2")
    (asked,) = (tmp_path / "runs").glob("questions-*/done.json")
    assert json.loads(asked.read_text())["counts"]["train"] == 3 * 12  # a smoke run's, and copies


def test_published_rationales_stay_right_or_flawed(published_data):
    folder = str(published_data / "mentor-kd")
    settings = QuestionSettings(
        task=TASK, source="mentor-kd", data_dir=folder, train=None, test=None
    )
    splits, rationales = write(settings, copies=1)
    assert len(splits.train) == 2 * 425
    questions = {one.id: one for one in splits.train}
    flawed = {"": set(), "#1": set()}
    for one in rationales:
        original, sign, number = one.question_id.partition("#")
        if check_swaps.find_slips(questions[one.question_id], one.text):
            flawed[sign + number].add(original)
    shared = flawed[""] & flawed["#1"]
    assert len(shared) > 0.9 * len(flawed[""] | flawed["#1"])
