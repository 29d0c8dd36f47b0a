"""Recorded questions and rationales: every format, every mistake, and the published counts."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mkdkit import records
from mkdkit.pipeline import recipes, stages
from mkdkit.records import Question, Rationale, Splits
from mkdkit.settings import QuestionSettings, Recipe
from mkdkit.tasks import catalogue
from mkdkit.teachers import formats, hub, places, recorded
from mkdkit.teachers.question_sets import read_all_questions

SVAMP = catalogue.find("svamp")
# ten small questions; the first three have rationales below
QUESTIONS = [(f"Ann has {n} pens and\n buys 2. How many now?", str(n + 2)) for n in range(10)]
MAIN = [
    {
        "input": QUESTIONS[0][0],
        "chain": "She has none.\n0 + 2 = 2",
        "answer": "2",
        "initial_correct": True,
    },
    {
        "input": "Ann has 1 pens and buys 2.  How many now?",
        "chain": "1 + 2 = 4",
        "answer": "3",
        "initial_correct": True,
    },
]
AUG = [
    {"input": QUESTIONS[0][0], "chain": "0 + 2 = 2 pens of 5", "completion": "2.0"}
    | {"answer": "2"},
    {"input": QUESTIONS[2][0], "chain": "I add.", "completion": " x"} | {"answer": "4"},
]
AUG = [row | {"initial_correct": row["completion"] == "2.0"} for row in AUG]
POOL = [
    {
        "instruction": QUESTIONS[1][0],
        "output": ["So 3.", "It is 1 + 2 = 3. The answer is 3."],
        "label": "3",
    },
    {"instruction": QUESTIONS[2][0], "output": ["No idea."], "label": "4"},
]


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A folder laid out as a checkout of Mentor-KD, with rows of our own wording."""
    rows = [{"input": text, "answer": answer} for text, answer in QUESTIONS]
    test = [{"input": "Bo has 9 cups and breaks 1. How many now?", "answer": "8"}]
    write(tmp_path / "data/skeleton/svamp_train.json", rows)
    write(tmp_path / "data/skeleton/svamp_test.json", test)
    write(tmp_path / "data/main/svamp_3_train.json", MAIN)
    write(tmp_path / "data/aug/flan-t5_large/svamp_rand3_aug3.json", AUG)
    write(tmp_path / "data/prompt/svamp_6.json", POOL)
    return tmp_path


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_lines(path: Path, rows: list) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def of(folder: Path, source: str = "mentor-kd", **more) -> QuestionSettings:
    more = {"task": "svamp", "validation": 2, "train": None, "test": None} | more
    return QuestionSettings(source=source, data_dir=str(folder), **more)  # type: ignore[arg-type]


def ids(questions: list[Question]) -> list[str]:
    return [question.id for question in questions]


# --- questions


def test_question_ids_say_task_split_and_row(checkout):
    whole = read_all_questions(of(checkout))
    assert ids(whole.train)[:2] == ["svamp/train/0000", "svamp/train/0001"]
    assert ids(whole.test) == ["svamp/test/0000"]
    assert whole.train[3].answer == "5"


def test_train_and_validation_share_the_training_questions_between_them(checkout):
    splits = recorded.read_recorded_questions(of(checkout))
    assert sorted(ids(splits.train) + ids(splits.validation)) == ids(
        read_all_questions(of(checkout)).train
    )
    assert len(splits.validation) == 2


def test_the_seed_draws_train_and_nothing_else(checkout):
    drawn = [
        recorded.read_recorded_questions(of(checkout, train=4, seed=seed)) for seed in range(5)
    ]
    assert len({tuple(ids(splits.validation)) for splits in drawn}) == 1
    assert len({tuple(ids(splits.test)) for splits in drawn}) == 1
    assert len({tuple(ids(splits.train)) for splits in drawn}) > 1
    again = recorded.read_recorded_questions(of(checkout, train=4, seed=3))
    assert again == drawn[3]
    for splits in drawn:
        assert len(splits.train) == 4
        assert not set(ids(splits.train)) & set(ids(splits.validation))


def test_sizes_beyond_what_there_is_give_all_there_is(checkout):
    splits = recorded.read_recorded_questions(of(checkout, train=999, test=999))
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (8, 2, 1)


def test_a_validation_that_leaves_nothing_to_learn_from_is_refused(checkout):
    with pytest.raises(ValueError, match=r"less than the 10 training questions.*got 10"):
        recorded.read_recorded_questions(of(checkout, validation=10))


def test_a_question_of_the_test_split_is_left_out_of_train_and_named(checkout):
    write(
        checkout / "data/skeleton/svamp_test.json",
        [{"input": " ".join(QUESTIONS[4][0].split()), "answer": "6"}],
    )
    with pytest.warns(UserWarning, match="svamp/train/0004"):
        whole = read_all_questions(of(checkout))
    assert len(whole.train) == 9
    assert len(whole.test) == 1


def test_the_folder_may_be_a_checkout_the_data_or_all_downloads(checkout, tmp_path):
    everything = tmp_path / "everything"
    everything.mkdir()
    (everything / "mentor-kd").symlink_to(checkout / "data")
    expected = read_all_questions(of(checkout))
    for folder in (checkout / "data", everything):
        assert read_all_questions(of(folder)) == expected


def test_a_missing_file_says_where_and_how_to_get_it(checkout):
    with pytest.raises(ValueError, match=r"asdiv_train.json; fetch it with `mkdkit fetch mentor"):
        read_all_questions(of(checkout, task="asdiv"))
    with pytest.raises(ValueError, match=r"mcc-kd has the tasks asdiv, .*not 'coin_flip'"):
        read_all_questions(of(checkout, source="mcc-kd", task="coin_flip"))


def test_an_answer_of_the_wrong_type_is_refused_with_its_row(checkout):
    rows = [{"input": "How many?", "answer": "blue"}]
    write(checkout / "data/skeleton/svamp_train.json", rows)
    with pytest.raises(ValueError, match=r"row 1: task 'svamp' asks for.*number.*'blue'"):
        read_all_questions(of(checkout))


def test_choice_answers_lose_the_words_behind_their_letter(tmp_path):
    rows = [{"input": "Where? A. here B. there", "answer": "B. there"}]
    write(tmp_path / "skeleton/commonsense_qa_train.json", rows)
    write(tmp_path / "skeleton/commonsense_qa_test.json", [{"input": "Who? A. I", "answer": "A"}])
    whole = read_all_questions(of(tmp_path, task="commonsense_qa"))
    assert [whole.train[0].answer, whole.test[0].answer] == ["B", "A"]


def test_mcc_kd_brings_its_own_validation(tmp_path):
    for split, number in (("train", 5), ("dev", 3), ("test", 2)):
        rows = [
            {"instruction": f"{split} {n}: 1 + {n}?\n", "output": "", "label": str(n + 1)}
            for n in range(number)
        ]
        write(tmp_path / "data" / "SVAMP" / f"{split}.json", rows)
    splits = recorded.read_recorded_questions(of(tmp_path, source="mcc-kd"))
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [5, 2, 2]
    assert not set(ids(splits.validation)) & set(ids(splits.train))
    for seed in range(5):  # the validation questions do not change with the seed
        again = recorded.read_recorded_questions(of(tmp_path, source="mcc-kd", seed=seed))
        assert again.validation == splits.validation
    assert splits.test[0].text == "test 0: 1 + 0?"


def test_fine_tune_cot_questions_are_chosen_by_row_number(tmp_path):
    data = [{"sample_index": n, "question": f"{n} + 1?", "answer": str(n + 1)} for n in range(6)]
    write(tmp_path / "data/dataset/svamp.json", {"metadata": {}, "data": data})
    write(tmp_path / "data/split/svamp__default.json", {"train": [5, 0, 2], "test": [3, 1]})
    splits = recorded.read_recorded_questions(of(tmp_path, source="fine-tune-cot", validation=0))
    assert [question.text for question in splits.train] == ["5 + 1?", "0 + 1?", "2 + 1?"]
    assert [question.answer for question in splits.test] == ["4", "2"]
    write(tmp_path / "data/split/svamp__default.json", {"train": [6], "test": [1]})
    with pytest.raises(ValueError, match="6 is not a row of the 6"):
        read_all_questions(of(tmp_path, source="fine-tune-cot"))


def test_a_changed_file_of_questions_makes_a_new_stage(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    write(tmp_path / "data/split/svamp__default.json", {"train": [0], "test": [1]})
    path = tmp_path / "data/dataset/svamp.json"
    keys = set()
    for added in (1, 1, 2):
        data = [{"question": f"{n} + 1?", "answer": str(n + added)} for n in range(2)]
        write(path, {"metadata": {}, "data": data})
        asked = of(tmp_path, source="fine-tune-cot", validation=0)
        keys.add(stages.questions(Recipe(questions=asked)).key)
    assert len(keys) == 2


def test_fine_tune_cot_without_its_questions_says_which_archive_has_them(tmp_path):
    write(tmp_path / "data/split/svamp__default.json", {"train": [0], "test": [1]})
    with pytest.raises(ValueError, match=r"dataset/svamp.json; .*dataset.tar.gz"):
        read_all_questions(of(tmp_path, source="fine-tune-cot"))


def test_a_folder_of_ones_own_is_read_with_and_without_ids(tmp_path):
    write_lines(tmp_path / "train.jsonl", [{"text": "1 + 1?", "answer": "2"}] * 1)
    write_lines(tmp_path / "test.jsonl", [{"id": "mine", "text": "2 + 2?", "answer": "4"}])
    splits = recorded.read_recorded_questions(of(tmp_path, source="jsonl", validation=0))
    assert ids(splits.train) == ["svamp/train/0000"]
    assert ids(splits.test) == ["mine"]
    write_lines(tmp_path / "validation.jsonl", [{"text": "3 + 3?", "answer": "6"}])
    splits = recorded.read_recorded_questions(of(tmp_path, source="jsonl", validation=5))
    assert ids(splits.validation) == ["svamp/validation/0000"]


def test_a_single_file_is_split_the_same_way_for_every_seed(tmp_path):
    rows = [{"text": f"{n} + 1?", "answer": str(n + 1)} for n in range(20)]
    path = write_lines(tmp_path / "mine.jsonl", rows)
    first, second = (
        recorded.read_recorded_questions(of(path, source="jsonl", test=None, seed=seed, train=9))
        for seed in (0, 1)
    )
    assert (len(first.train), len(first.validation), len(first.test)) == (9, 2, 4)
    assert ids(first.test) == ids(second.test)
    assert ids(first.train) != ids(second.train)
    every = [*first.train, *first.validation, *first.test]
    assert len(set(ids(every))) == len(every)
    line = {"question": "1 + 1?", "completion": "1 + 1 = 2 --> 2"}  # beside the file
    write_lines(tmp_path / "rationales.jsonl", [line])
    whole = read_all_questions(of(path, source="jsonl"))
    (read,) = recorded.read_rationales_for(of(path, source="jsonl"), whole.train + whole.test)
    assert read.is_correct


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"text": "1 + 1?", "reply": "2"}], r"line 1: the column 'answer' is missing; .*reply"),
        ([{"text": "1 + 1?", "answer": 2}], "line 1: answer must be text, got int 2"),
        ([{"text": "1?", "answer": "2", "id": "a"}] * 2, "line 2: id 'a' stands in line 1 too"),
        ([{"text": " ", "answer": "2"}], "line 1: the question is empty"),
        ([], "no question in it"),
    ],
)
def test_a_malformed_file_of_ones_own_is_refused_with_its_line(tmp_path, rows, message):
    write_lines(tmp_path / "train.jsonl", rows)
    write_lines(tmp_path / "test.jsonl", [{"text": "2 + 2?", "answer": "4"}])
    with pytest.raises(ValueError, match=message):
        read_all_questions(of(tmp_path, source="jsonl"))


def test_rule_made_questions_are_not_read_here(tmp_path):
    with pytest.raises(ValueError, match="not recorded"):
        read_all_questions(QuestionSettings())


# --- rationales


def rationales(checkout: Path, kind: str, **more) -> list[Rationale]:
    known = read_all_questions(of(checkout)).train
    path = places.find(of(checkout), kind)
    return recorded.read_recorded_rationales(
        path, format="mentor-kd", task=SVAMP, questions=known, **more
    )


def test_teacher_rationales_are_read_by_our_own_rules(checkout):
    first, second = rationales(checkout, "teacher")
    assert first == Rationale(
        "svamp/train/0000", "She has none.\n0 + 2 = 2", "2", "teacher", is_correct=True
    )
    # its file calls it correct; the text says 4 and the answer is 3
    assert (second.question_id, second.prediction, second.is_correct) == (
        "svamp/train/0001",
        "4",
        False,
    )


def test_the_files_own_word_counts_when_it_is_trusted(checkout):
    _, second = rationales(checkout, "teacher", trust_flags=True)
    assert (second.prediction, second.is_correct) == ("3", True)


def test_mentor_rationales_are_read_from_the_answer_apart(checkout):
    first, second = rationales(checkout, "mentor", trust_flags=True)
    assert first == Rationale(
        "svamp/train/0000", "0 + 2 = 2 pens of 5", "2.0", "mentor", is_correct=True
    )
    assert (second.prediction, second.is_correct) == (None, False)


def test_a_mentors_rationales_are_those_of_its_own_base_where_they_are_published(
    checkout, tmp_path, monkeypatch
):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    assert places.published_mentor("google-t5/t5-large") == "t5_large"
    assert places.published_mentor("bases/Flan-T5-Large") == "flan-t5_large"
    assert places.published_mentor("tiny-mentor") == "flan-t5_large"
    with pytest.raises(ValueError, match=r"`mkdkit fetch mentor-kd --task svamp --every-mentor`"):
        places.find(of(checkout), "mentor", mentor="t5_large")
    other = [row | {"chain": "From T5."} for row in AUG]
    write(checkout / "data/aug/t5_large/svamp_rand3_aug3.json", other)
    recipe = Recipe(questions=of(checkout), augmentation="recorded")
    written = {}
    for base in ("google-t5/t5-large", "google/flan-t5-large"):
        stage = stages.augmentation(replace(recipe, mentor_base=base))
        written[base] = {one.text for one in stages.read_written(stage)}
    assert written["google-t5/t5-large"] == {"From T5."}
    assert "From T5." not in written["google/flan-t5-large"]


def test_pools_give_one_rationale_for_each_output_as_it_was_written(checkout):
    read = rationales(checkout, "pool")
    assert [(r.text, r.prediction) for r in read] == [
        ("So 3.", "3"),
        ("It is 1 + 2 = 3. The answer is 3.", "3"),
        ("No idea.", None),
    ]
    assert {rationale.source for rationale in read} == {"teacher"}


def test_rationales_of_chosen_questions_only(checkout):
    questions = read_all_questions(of(checkout)).train[:1]
    for kind, number in (("teacher", 1), ("mentor", 1), ("pool", 0)):
        read = recorded.read_rationales_for(of(checkout), questions, kind=kind)  # type: ignore
        assert len(read) == number


def test_a_row_about_an_unknown_question_is_refused_with_its_row(checkout):
    known = read_all_questions(of(checkout)).train[:1]
    path = places.find(of(checkout), "teacher")
    with pytest.raises(ValueError, match=r"svamp_3_train.json, row 2: its question is none of"):
        recorded.read_recorded_rationales(path, format="mentor-kd", task=SVAMP, questions=known)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chain": None}, "row 1: chain must be text, got NoneType"),
        ({"initial_correct": "yes"}, "row 1: initial_correct must be true or false, got str"),
        ({"answer": 2}, "row 1: answer must be text, got int 2"),
        ({"completion": 2}, "row 1: completion must be text, got int 2"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(tmp_path, change, message):
    path = write(tmp_path / "main.json", [MAIN[0] | change])
    with pytest.raises(ValueError, match=message):
        formats.read_rows(path, format="mentor-kd")


@pytest.mark.parametrize("name", ["input", "chain", "answer", "initial_correct"])
def test_a_renamed_column_is_named_with_those_there_are(tmp_path, name):
    row = {("renamed" if key == name else key): value for key, value in MAIN[0].items()}
    path = write(tmp_path / "main.json", [row])
    with pytest.raises(ValueError, match=f"row 1: the column '{name}' is missing; .*renamed"):
        formats.read_rows(path, format="mentor-kd")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"[]", "no rationale in it"),
        (b'[{"input": 1},\n oops]', "line 2: not JSON"),
        (b'{"input": "x"}\n{"input": "y"}\n', "one object a line is of format 'jsonl'"),
        (b'{"input": "x"}', "expected a JSON array of rows, got dict"),
        (b"[1]", "row 1: expected an object, got int 1"),
        (b"\xff\xfe[]", "not a JSON file"),
    ],
)
def test_a_file_that_is_no_table_is_refused(tmp_path, content, message):
    path = tmp_path / "main.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        formats.read_rows(path, format="mentor-kd")


def test_rows_may_stand_under_data_beside_metadata(tmp_path):
    path = write(tmp_path / "main.json", {"metadata": {"by": "us"}, "data": MAIN})
    assert len(formats.read_rows(path, format="mentor-kd")) == 2


def test_an_unknown_format_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"format must be one of mentor-kd, .*got 'csv'"):
        formats.read_rows(tmp_path / "x.csv", format="csv")  # type: ignore[arg-type]
    for format in ("mentor-kd", "jsonl"):
        with pytest.raises(ValueError, match="there is no such file"):
            formats.read_rows(tmp_path / "nothing.json", format=format)  # type: ignore[arg-type]


def test_mcc_kd_rows_name_row_and_output(tmp_path):
    rows = formats.read_rows(write(tmp_path / "train.json", POOL), format="mcc-kd")
    assert [(row.number, row.where[-15:]) for row in rows] == [
        (1, "row 1, output 1"),
        (1, "row 1, output 2"),
        (2, "row 2, output 1"),
    ]
    path = write(tmp_path / "dev.json", [POOL[0] | {"output": ""}])
    with pytest.raises(ValueError, match="a file of questions alone"):
        formats.read_rows(path, format="mcc-kd")
    path = write(tmp_path / "bad.json", [POOL[0] | {"output": ["fine", 7]}])
    with pytest.raises(ValueError, match="row 1, output 2: must be text, got int 7"):
        formats.read_rows(path, format="mcc-kd")


def completion_file(tmp_path: Path, **change) -> Path:
    row = {
        "sample_index": 0,
        "completion_index": 0,
        "question": QUESTIONS[0][0],
        "answer": "2",
        "prompt": "...",
        "completion": " 2 pens.",
        "reasoning_completion": " Zero and 2 pens, of 9.",
        "finish_reason": "stop",
        "reasoning_finish_reason": "length",
    }
    tuned = {key: value for key, value in row.items() if not key.startswith("reasoning")}
    tuned |= {"completion": "0 + 2 = 2 --> 2", "completion_index": 1}
    data = {"metadata": {"dataset_key": "svamp"}, "data": {"0": [row | change, tuned]}}
    return write(tmp_path / "D_svamp.json", data)


def test_fine_tune_cot_completions_are_read_with_the_answer_apart_or_behind_a_mark(tmp_path):
    questions = [Question("q", QUESTIONS[0][0], "2")]
    first, second = recorded.read_recorded_rationales(
        completion_file(tmp_path), format="fine-tune-cot", task=SVAMP, questions=questions
    )
    assert (first.text, first.prediction, first.is_complete) == (
        "Zero and 2 pens, of 9.",
        "2",
        False,
    )
    assert (second.text, second.prediction, second.is_complete) == ("0 + 2 = 2", "2", True)


def test_fine_tune_cot_mistakes_name_the_question_and_the_completion(tmp_path):
    path = completion_file(tmp_path, completion=None)
    with pytest.raises(ValueError, match=r'data\["0"\]\[0\]: completion must be text'):
        formats.read_rows(path, format="fine-tune-cot")
    with pytest.raises(ValueError, match="a fine-tune-cot completion file is"):
        formats.read_rows(write(tmp_path / "main.json", MAIN), format="fine-tune-cot")


def test_rationales_of_ones_own_come_back_from_our_own_file(tmp_path):
    question = Question("q1", "Ann has 3 pens and finds 4. How many?", "7")
    written = [
        Rationale("q1", "3 + 4 = 7", "7", "mentor", is_correct=True, is_complete=True),
        Rationale("q1", "I see 7 birds", None, "student", is_correct=False, is_complete=False),
    ]
    records.write_rationales(tmp_path / "mine.jsonl", written)
    read = recorded.read_recorded_rationales(
        tmp_path / "mine.jsonl", format="jsonl", task=SVAMP, questions=[question]
    )
    assert read == written


def test_lines_of_ones_own_may_name_the_question_by_its_text(tmp_path):
    question = Question("q1", "Ann has 3 pens and finds 4. How many?", "7")
    line = {"question": question.text, "completion": "3 + 4 = 7 --> 7.0"}
    (read,) = recorded.read_recorded_rationales(
        write_lines(tmp_path / "mine.jsonl", [line]),
        format="jsonl",
        task=SVAMP,
        questions=[question],
    )
    assert (read.question_id, read.text, read.prediction) == ("q1", "3 + 4 = 7", "7.0")
    bad = write_lines(tmp_path / "bad.jsonl", [line, {"question": "Who?", "rationale": "x"}])
    with pytest.raises(ValueError, match="line 2: the column 'completion' is missing"):
        formats.read_rows(bad, format="jsonl")
    bad = write_lines(tmp_path / "bad.jsonl", [line | {"source": "oracle"}])
    with pytest.raises(ValueError, match=r"line 1: source must be one of teacher, .*'oracle'"):
        formats.read_rows(bad, format="jsonl")


def test_a_line_separator_inside_a_text_does_not_cut_the_line(tmp_path):
    line = {"question_id": "q", "completion": "One\u2028two, so 3 --> 3"}
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
    assert len(formats.read_rows(path, format="jsonl")) == 1


# --- the Hub, on a local folder


@pytest.fixture
def hub_folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for split, numbers in (("train", range(6)), ("test", range(6, 9))):
        rows = [
            {"problem": f"{n} + 1?", "solution": f"Add one. #### {n + 1}", "value": n + 1}
            for n in numbers
        ]
        write_lines(tmp_path / "hub" / f"{split}.jsonl", rows)
    return tmp_path / "hub"


def test_hub_questions_are_mapped_by_column(hub_folder):
    columns = {"text": "problem", "answer": "value"}
    read = hub.read_hub_questions(str(hub_folder), split="train", columns=columns, prefix="svamp")
    assert read[2] == Question("svamp/0002", "2 + 1?", "3")
    settings = of(hub_folder, source="hub", text_column="problem", answer_column="value")
    splits = recorded.read_recorded_questions(settings)
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [4, 2, 3]


def test_a_hub_answer_may_stand_behind_a_mark(hub_folder):
    columns = {"text": "problem", "answer": "solution"}
    read = hub.read_hub_questions(
        str(hub_folder), split="test", columns=columns, answer_mark="####"
    )
    assert [question.answer for question in read] == ["7", "8", "9"]
    with pytest.raises(ValueError, match=r"row 1: the answer has no '=>' in it"):
        hub.read_hub_questions(str(hub_folder), split="test", columns=columns, answer_mark="=>")


def test_hub_rationales_are_mapped_by_column(hub_folder):
    columns = {"question": "problem", "completion": "solution"}
    rows = hub.read_hub_rows(str(hub_folder), split="test", columns=columns)
    known = [Question(f"q{n}", f"{n} + 1?", str(n + 1)) for n in range(6, 9)]
    read = recorded.match_rows(rows, task=SVAMP, questions=known)
    assert [(r.question_id, r.text, r.prediction, r.is_correct) for r in read] == [
        (f"q{n}", "Add one.", str(n + 1), True) for n in range(6, 9)
    ]


def test_hub_rationales_of_the_training_questions_come_by_settings(hub_folder):
    settings = of(
        hub_folder,
        source="hub",
        text_column="problem",
        answer_column="solution",
        answer_mark="####",
        rationale_column="solution",
    )
    train = recorded.read_recorded_questions(settings).train
    read = recorded.read_rationales_for(settings, train)
    assert [one.question_id for one in read] == [question.id for question in train]
    assert all(one.is_correct and one.text == "Add one." for one in read)
    without = replace(settings, rationale_column=None)
    with pytest.raises(ValueError, match="rationale_column"):
        recorded.read_rationales_for(without, train)


def test_hub_mistakes_are_named(hub_folder):
    name = str(hub_folder)
    with pytest.raises(ValueError, match="no column question, answer; it has problem"):
        hub.read_hub_questions(name, split="train")
    with pytest.raises(ValueError, match="columns may map text, answer, id, got 'question'"):
        hub.read_hub_questions(name, split="train", columns={"question": "problem"})
    with pytest.raises(ValueError, match="columns must map answer"):
        hub.read_hub_questions(name, split="train", columns={"text": "problem"})
    with pytest.raises(ValueError, match="'dev' cannot be loaded"):
        hub.read_hub_questions(name, split="dev")


# --- the published files

COUNTS = {  # train, test; teacher, mentor and pool rationales; mentor rationales that are right
    "tracking_shuffled_objects": (525, 225, 1536, 1575, 3078, 1392),
    "last_letter_concatenation": (350, 150, 1050, 1050, 2100, 1029),
    "svamp": (700, 150, 1953, 2100, 0, 1558),
}


@pytest.mark.parametrize("task", COUNTS)
def test_published_files_have_the_published_counts(published_data, task):
    settings = of(published_data, task=task, validation=100)
    whole = read_all_questions(settings)
    train, test, teacher, mentor, pool, mentor_correct = COUNTS[task]
    assert (len(whole.train), len(whole.test)) == (train, test)
    assert len(recorded.read_rationales_for(settings, whole.train)) == teacher
    if pool:
        assert len(recorded.read_rationales_for(settings, whole.train, kind="pool")) == pool
    augmented = recorded.read_rationales_for(settings, whole.train, kind="mentor")
    assert len(augmented) == mentor
    assert sum(rationale.is_correct for rationale in augmented) == mentor_correct
    assert {rationale.source for rationale in augmented} == {"mentor"}


def test_published_splits_share_no_question(published_data):
    for task in COUNTS:
        splits = recorded.read_recorded_questions(of(published_data, task=task, validation=50))
        texts = [
            {question.text for question in part}
            for part in (splits.train, splits.validation, splits.test)
        ]
        assert sum(map(len, texts)) == len(set.union(*texts)) == COUNTS[task][0] + COUNTS[task][1]


def test_last_letter_test_answers_are_the_clean_ones(published_data):
    """Mentor-KD's own test file has six wrong answers; the letters can be counted."""
    clean = read_all_questions(of(published_data, task="last_letter_concatenation")).test
    wrong = 0
    path = published_data / "mentor-kd/data/main/last_letter_concatenation_test.json"
    for question, row in zip(clean, formats.read_rows(path, format="mentor-kd"), strict=True):
        words = question.text.split('"')[1].split()
        assert question.answer == "".join(word[-1] for word in words).lower()
        wrong += row.answer != question.answer
        assert row.source == "teacher"
    assert wrong == 6


def test_mcc_kd_holds_seven_thousand_rationales_of_the_same_questions(published_data):
    ours = read_all_questions(of(published_data))
    theirs = read_all_questions(of(published_data, source="mcc-kd"))
    assert theirs.train == ours.train
    assert theirs.test == ours.test
    assert len(theirs.validation) == 150
    read = recorded.read_rationales_for(of(published_data, source="mcc-kd"), theirs.train)
    assert len(read) == 7000
    assert set(Counter(rationale.question_id for rationale in read).values()) == {10}


def test_every_published_question_file_is_readable(published_data):
    for task, sizes in (("gsm8k", (7473, 659)), ("commonsense_qa", (8520, 1221))):
        whole = read_all_questions(of(published_data, task=task))
        assert (len(whole.train), len(whole.test)) == sizes


def test_splits_are_cut_from_what_was_read_and_never_from_test(checkout):
    whole = read_all_questions(of(checkout))
    assert recorded.cut(whole, of(checkout, validation=0)) == Splits(whole.train, [], whole.test)
    shorter = replace(of(checkout), test=1)
    assert recorded.cut(whole, shorter).test == whole.test[:1]


def test_a_folder_is_the_same_however_its_path_is_written(checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    moved = shutil.copytree(checkout / "data", tmp_path / "elsewhere" / "data").parent
    spelled = (checkout, f"{checkout}/../{checkout.name}", ".", moved)
    stages_of = [stages.questions(Recipe(questions=of(folder))) for folder in spelled]
    assert len({stage.key for stage in stages_of}) == 1
    other = stages.questions(Recipe(questions=of(checkout, validation=1)))
    assert other.key != stages_of[0].key


def test_which_recorded_rationales_are_drawn_is_in_the_stages_key(tmp_path, monkeypatch):
    monkeypatch.setenv("MKDKIT_RUNS", str(tmp_path / "runs"))
    write_lines(tmp_path / "train.jsonl", [{"id": "a", "text": "1 + 1?", "answer": "2"}])
    write_lines(tmp_path / "test.jsonl", [{"id": "b", "text": "1 + 2?", "answer": "3"}])
    ways = [{"question_id": "a", "text": f"way {n}: 1 + 1 = 2 --> 2"} for n in range(9)]
    write_lines(tmp_path / "rationales.jsonl", ways)
    recipe = Recipe(questions=of(tmp_path, source="jsonl", validation=0))
    recipe = replace(recipe, teacher=replace(recipe.teacher, rationales_per_question=1))
    drawn: dict[str, set[str]] = {}
    for seed in range(6):
        for one in (replace(recipe, seed=seed), recipes.with_seed(recipe, seed)):
            stage = stages.teacher_rationales(one)
            fresh = stages.teacher_rationales(one, fresh=True)
            for made in (stage, fresh):
                drawn.setdefault(made.key, set()).add(stages.read_written(made)[0].text)
    assert all(len(texts) == 1 for texts in drawn.values())
    assert len(set.union(*drawn.values())) > 1


def test_rationales_of_a_question_that_is_asked_again_are_left_out_with_it(tmp_path):
    rows = [{"id": one, "text": "1 + 1?", "answer": "2"} for one in "ab"]
    write_lines(tmp_path / "train.jsonl", rows)
    write_lines(tmp_path / "test.jsonl", [{"text": "2 + 2?", "answer": "4"}])
    line = {"completion": "1 + 1 = 2. --> 2"}
    write_lines(tmp_path / "rationales.jsonl", [line | {"question_id": one} for one in "ab"])
    settings = of(tmp_path, source="jsonl", validation=0)
    with pytest.warns(UserWarning, match="1 questions are left out"):
        train = recorded.read_recorded_questions(settings).train
    read = recorded.read_rationales_for(settings, train)
    assert [one.question_id for one in read] == ["a"]
