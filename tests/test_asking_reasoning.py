"""Hidden reasoning that leaves no room for a reply, or stands in no count but the total."""

from dataclasses import replace

import pytest
from teacher_server import Teacher
from test_asking import QUICK, SVAMP, ask, key, questions, rows, solve  # noqa: F401

from mkdkit.teachers.asking import client, collect
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.prices import Spending
from mkdkit.teachers.asking.prompts import Said
from mkdkit.teachers.asking.teacher import RefusedError, Reply

ONE = replace(QUICK, rationales_per_question=1, prompting="one_prompt", concurrency=1)
TWO = replace(ONE, prompting="zero_shot_cot")
# what a server shows of a model that had no room to speak: nothing, or its thought
USED_UP = [{"content": ""}, {"content": None, "reasoning_content": "hm"}, {"content": "<think>hm"}]


def is_second(prompt):
    return prompt.endswith("the answer is")


@pytest.mark.parametrize("said", USED_UP)
def test_a_limit_that_hidden_reasoning_uses_up_costs_one_request(said, tmp_path):
    def reply(prompt, number):
        return said | {"finish": "length"} if "has 3 " in prompt else solve(prompt, number)

    teacher = Teacher(reply)
    done = ask(teacher, 6, tmp_path, ONE)
    message = "the limit of 512 tokens was used up by hidden reasoning; raise max_tokens"
    assert done.failed == {"q/3": message}
    assert max(teacher.seen.values()) == 1
    assert done.spent == f"{teacher.charged} tokens"


def test_a_limit_that_is_used_up_by_every_first_question_ends_the_collection(tmp_path):
    teacher = Teacher(lambda prompt, number: {"content": "", "finish": "length"})
    with pytest.raises(RefusedError, match=r"limit of 512 tokens .* raise max_tokens \(so it was"):
        ask(teacher, 50, tmp_path, ONE)
    assert sum(teacher.seen.values()) == client.FIRST_FAILURES


def test_a_limit_of_answers_that_is_used_up_ends_the_collection_though_rationales_come(tmp_path):
    def reply(prompt, number):
        return {"content": "", "finish": "length"} if is_second(prompt) else solve(prompt, number)

    teacher = Teacher(reply)
    with pytest.raises(RefusedError, match=r"limit of 32 tokens .* raise answer_max_tokens \(so"):
        ask(teacher, 50, tmp_path, TWO)
    assert sum(teacher.seen.values()) == 2 * client.FIRST_FAILURES


def test_an_answer_of_hidden_reasoning_alone_is_no_answer(tmp_path):
    def reply(prompt, number):
        if is_second(prompt) and "has 1 " in prompt:
            return {"content": "", "reasoning_content": "hm"}
        return solve(prompt, number)

    teacher = Teacher(reply)
    done = ask(teacher, 3, tmp_path, TWO)
    assert done.failed == {"q/1": "the reply was empty but for hidden reasoning"}
    assert [row["question_id"] for row in rows(tmp_path)] == ["q/0", "q/2"]
    teacher.reply = solve
    assert ask(teacher, 3, tmp_path, TWO).correct == 3  # it is asked again when asked for


def test_of_several_replies_those_without_text_are_asked_for_again(tmp_path):
    def reply(prompt, number):
        said = {"content": solve(prompt, number), "finish": "stop"}
        return {"content": "", "finish": "length"} if number == 1 else said

    teacher = Teacher(reply)
    done = ask(teacher, 1, tmp_path, replace(ONE, rationales_per_question=3))
    assert (done.rationales, done.failed) == (3, {})
    assert [body["n"] for body in teacher.bodies] == [3, 1]


class Thinker:
    """A model of this process whose answers end within its thought."""

    def __init__(self):
        self.identity = {}

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        pass

    async def ask(self, prompt, *, n, have, max_tokens, cover):
        cover.spend(10, 5)
        said = Said("", "hm", "length") if is_second(prompt) else Said("so", "", "stop")
        return Reply([said], "thinker", None)


def test_an_answer_that_ends_within_its_thought_is_none_whoever_wrote_it(tmp_path):
    with Journal(tmp_path / "journal", TWO.asked()) as journal:
        done = collect.collect(
            questions(1),
            task=SVAMP,
            settings=TWO,
            teacher=Thinker(),
            journal=journal,
            spending=Spending(),
        )
    with Journal(tmp_path / "journal", TWO.asked()) as journal:
        assert journal.spent() == (20, 10)  # of both prompts
    assert "raise answer_max_tokens" in done.failed["q/0"]


@pytest.mark.parametrize(
    ("usage", "spent"),
    [
        ((32, 9, 1141), "1,141 tokens"),  # Grok: 1,100 tokens of reasoning in the total alone
        ((32, 9, 41), "41 tokens"),
        ((32, 9, None), "41 tokens"),
        ((32, 9, 0), "41 tokens"),
        ((32, None, 1141), "1,141 tokens"),
    ],
)
def test_reasoning_that_only_the_total_counts_is_spent_too(usage, spent, tmp_path):
    def odd(body):
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        choice = {"index": 0, "finish_reason": "stop", "message": {"content": "Answer: 1"}}
        said = {"model": "scripted", "choices": [choice]}
        return 200, said | {"usage": dict(zip(names, usage, strict=True))}, {}

    assert ask(Teacher(odd=odd), 1, tmp_path, ONE).spent == spent
