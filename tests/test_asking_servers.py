"""What servers do that no protocol foresees: names, parameters, waits, refusals, odd replies."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from teacher_server import Teacher
from test_asking import KEY, QUICK, SVAMP, ask, key, questions, rows, solve  # noqa: F401

from mkdkit.teachers.asking import client, prompts, replies, session
from mkdkit.teachers.asking.journal import Journal
from mkdkit.teachers.asking.settings import AskSettings
from mkdkit.teachers.asking.teacher import RefusedError

ONE = replace(QUICK, rationales_per_question=1, prompting="one_prompt")


@pytest.mark.parametrize("endpoint", ["chat", "completion"])
def test_what_is_sent_is_what_the_settings_say(endpoint, tmp_path):
    settings = replace(
        ONE, endpoint=endpoint, temperature=0.3, top_p=0.9, max_tokens=77, seed=5, at_most=3,
        until_correct=9, rationales_per_question=2,
    )  # fmt: skip
    teacher = Teacher(lambda prompt, number: f"so {number}")
    ask(teacher, 1, tmp_path, settings)
    prompt = prompts.first_prompt(questions(1)[0], settings)
    sent = {"model": "scripted", "temperature": 0.3, "top_p": 0.9, "max_tokens": 77}
    if endpoint == "chat":
        sent |= {"messages": [{"role": "user", "content": prompt}]}
    else:
        sent |= {"prompt": prompt, "stop": ["\nQ:"]}
    # the third is asked for with another seed: the same would bring the first once more
    assert teacher.bodies == [sent | {"n": 2, "seed": 5}, sent | {"n": 1, "seed": 7}]
    assert [row["text"] for row in rows(tmp_path)] == ["so 5", "so 6", "so 7"]
    assert rows(tmp_path)[0]["prompt"] == prompt
    assert rows(tmp_path)[0]["parameters"]["temperature"] == 0.3


def refuse_max_tokens(body):
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    return (400, {"error": {"message": said}}, {}) if "max_tokens" in body else None


def test_a_model_that_calls_the_limit_otherwise_is_asked_so_by_all_at_once(tmp_path):
    teacher = Teacher(solve, odd=refuse_max_tokens)
    done = ask(teacher, 40, tmp_path, replace(ONE, concurrency=16, tries=1))
    assert (done.rationales, done.failed) == (40, {})
    assert teacher.bodies[-1]["max_completion_tokens"] == ONE.max_tokens


@pytest.mark.parametrize("name", ["temperature", "top_p", "n"])
def test_a_parameter_that_a_model_does_not_take_is_left_out_and_said_so(name, tmp_path, caplog):
    def odd(body):
        said = f"Unsupported value: '{name}' does not support {body.get(name)} with this model."
        return (400, {"error": {"message": said}}, {}) if name in body else None

    done = ask(Teacher(solve, odd=odd), 5, tmp_path, ONE)
    assert (done.rationales, done.failed) == (5, {})
    assert caplog.text.count(f"takes no {name}") == 1


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_a_parameter_is_known_by_its_name_in_any_quotes(quote, tmp_path):
    def odd(body):
        said = f"Unsupported parameter: {quote}seed{quote} is not supported with this model."
        return (400, {"error": {"message": said}}, {}) if "seed" in body else None

    done = ask(Teacher(solve, odd=odd), 2, tmp_path, replace(ONE, seed=1))
    assert (done.rationales, done.failed) == (2, {})


def refuse_both(body):
    said = "`temperature` and `top_p` cannot both be specified for this model."
    return (
        (400, {"error": {"message": said}}, {}) if {"temperature", "top_p"} <= set(body) else None
    )


def test_a_model_that_takes_temperature_or_top_p_is_asked_without_a_top_p_of_one(tmp_path):
    teacher = Teacher(solve, odd=refuse_both)
    done = ask(teacher, 3, tmp_path, replace(ONE, concurrency=1, tries=1))
    assert (done.rationales, done.failed) == (3, {})
    assert ["top_p" in body for body in teacher.bodies] == [True, False, False, False]
    assert {body["temperature"] for body in teacher.bodies} == {ONE.temperature}


def test_a_top_p_that_means_something_is_not_left_out_in_silence(tmp_path):
    with pytest.raises(RefusedError, match="cannot both be specified"):
        ask(Teacher(solve, odd=refuse_both), 9, tmp_path, replace(ONE, top_p=0.9))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "'n' : number must be at most 1"),  # Groq
        (500, "Only one completion choice is allowed"),  # llama.cpp
        (400, "n must be 1 when using greedy sampling, got 3."),  # vLLM
        (400, "Invalid n value (currently only n = 1 is supported)"),  # DeepSeek
        (422, [{"loc": ["body", "n"], "msg": "Input should be less than or equal to 1"}]),
    ],
)
def test_a_server_that_gives_one_reply_a_request_is_asked_for_one_at_a_time(
    status, said, tmp_path, caplog
):
    def odd(body):
        return (status, {"error": {"message": said}}, {}) if body.get("n", 1) > 1 else None

    teacher = Teacher(solve, odd=odd)
    several = replace(ONE, rationales_per_question=3, concurrency=1, tries=1)
    done = ask(teacher, 2, tmp_path, several)
    assert (done.rationales, done.failed) == (6, {})
    assert [body.get("n") for body in teacher.bodies] == [3] + [None] * 6
    assert caplog.text.count("takes no n") == 1


def test_a_server_that_is_down_for_a_moment_is_asked_for_as_many_again(tmp_path):
    def odd(body):
        return (500, {"error": {"message": "out of memory"}}, {}) if first(body) else None

    def first(body):
        return len(teacher.bodies) == 1

    teacher = Teacher(solve, odd=odd)
    ask(teacher, 1, tmp_path, replace(ONE, rationales_per_question=3))
    assert [body["n"] for body in teacher.bodies] == [3, 3]


@pytest.mark.parametrize("as_date", [False, True])
def test_a_pause_that_the_server_asks_for_is_kept(as_date, tmp_path):
    def odd(body):
        if len(teacher.bodies) > 1:
            return None
        when = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
        return 429, {"error": {"message": "slow"}}, {"Retry-After": when if as_date else "1.5"}

    teacher = Teacher(solve, odd=odd)
    ask(teacher, 1, tmp_path, ONE)
    assert teacher.times[1] - teacher.times[0] >= 1.5  # our own first pause is at most 0.5 s


@pytest.mark.parametrize("wait", ["86400", "inf"])
def test_a_server_that_asks_to_wait_a_day_ends_the_collection(wait, tmp_path):
    def odd(body):
        return 429, {"error": {"message": "daily limit"}}, {"Retry-After": wait}

    with pytest.raises(RefusedError, match=r"asks to wait .* seconds .*daily limit"):
        ask(Teacher(solve, odd=odd), 3, tmp_path, ONE)


@pytest.mark.parametrize("fault", ["401", "500"])
def test_a_key_that_the_server_repeats_is_taken_out(fault, tmp_path, caplog):
    teacher = Teacher(solve, lambda prompt, number: fault)
    said = ""
    try:
        ask(teacher, 2, tmp_path, replace(ONE, tries=2))
    except RefusedError as error:
        said = str(error)
    said += caplog.text + "".join(path.read_text() for path in tmp_path.iterdir())
    assert "***" in said
    assert KEY not in said


@pytest.mark.parametrize(
    ("answered", "asked", "same"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("gpt-4o-mini-2024-07-18", "gpt-4o", False),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo", True),
        ("llama3:8b", "llama3", True),
        ("/models/tiny@main", "/models/tiny", True),
        ("meta/llama", "llama", True),
        ("llama", "meta/llama", True),
        ("llama-2-70b", "llama-2-7", False),
        ("another", "one", False),
    ],
)
def test_a_name_with_a_date_or_folder_is_the_same_model_and_a_smaller_one_is_not(
    answered, asked, same
):
    assert replies.is_named(answered, asked) == same


def test_a_server_that_always_names_another_model_is_not_asked_for_long(tmp_path):
    teacher = Teacher(solve, model="another")
    with pytest.raises(RefusedError, match=r"answered as model 'another'; accept_any_model"):
        ask(teacher, 100, tmp_path, replace(ONE, concurrency=2))
    assert len(teacher.bodies) <= client.FIRST_FAILURES + 2
    done = ask(teacher, 5, tmp_path / "any", replace(ONE, accept_any_model=True))
    assert done.rationales == 5
    unnamed = ask(Teacher(solve, model=""), 2, tmp_path / "unnamed", ONE)
    assert unnamed.rationales == 2


def test_requests_that_all_cannot_succeed_end_the_collection(tmp_path):
    """As `transformers serve` does for a model that is not the one it serves."""
    teacher = Teacher(solve, odd=lambda body: (400, {"detail": "pinned to 'other'"}, {}))
    with pytest.raises(RefusedError, match=r"pinned to 'other'.*the first 5 requests"):
        ask(teacher, 50, tmp_path, replace(ONE, concurrency=2))
    assert len(teacher.bodies) <= client.FIRST_FAILURES + 2


@pytest.mark.parametrize("status", [400, 403, 413])
def test_a_request_that_alone_cannot_succeed_costs_its_question_alone(status, tmp_path):
    def odd(body):
        if "has 7 pens" in json.dumps(body):
            return status, {"error": {"message": "flagged"}}, {}
        return None

    done = ask(Teacher(solve, odd=odd), 20, tmp_path, replace(ONE, concurrency=1))
    assert set(done.failed) == {"q/7"}
    assert "flagged" in done.failed["q/7"]


@pytest.mark.parametrize(
    "said",
    [
        "nonsense",
        {"choices": [None]},
        {"choices": [{"index": 0, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "message": {"content": None}}], "usage": {"prompt_tokens": 3}},
        {"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": None}},
        [],
    ],
)
def test_a_response_that_is_no_reply_is_asked_for_again(said, tmp_path):
    def odd(body):
        return (200, said, {}) if len(teacher.bodies) <= 2 else None

    teacher = Teacher(solve, odd=odd)
    done = ask(teacher, 1, tmp_path, ONE)
    assert (done.rationales, done.failed) == (1, {})
    assert len(teacher.bodies) == 3


def test_a_reply_in_parts_is_read_as_one(tmp_path):
    def reply(prompt, number):
        text = solve(prompt, number)
        parts = [{"type": "text", "text": text[:9]}, {"type": "text", "text": text[9:]}]
        return {"content": [*parts, {"type": "image_url", "image_url": {"url": "x"}}]}

    done = ask(Teacher(reply), 2, tmp_path, ONE)
    assert (done.rationales, done.failed) == (2, {})
    assert all(row["is_correct"] for row in rows(tmp_path))
    assert rows(tmp_path)[0]["text"] == solve(rows(tmp_path)[0]["prompt"], 0)


def test_of_several_replies_the_filter_takes_its_own_alone(tmp_path):
    def reply(prompt, number):
        said = {"content": solve(prompt, number)}
        return said | {"finish": "content_filter" if number == 1 else "stop"}

    teacher = Teacher(reply)
    done = ask(teacher, 1, tmp_path, replace(ONE, rationales_per_question=3))
    assert (done.rationales, done.failed) == (3, {})
    assert [body["n"] for body in teacher.bodies] == [3, 1]


def test_a_try_of_which_nothing_is_known_counts_as_the_most_it_can_cost(tmp_path):
    teacher = Teacher(solve, lambda prompt, number: "truncated" if number < 2 else "")
    done = ask(teacher, 12, tmp_path, replace(ONE, max_tokens=5), budget="1500 tokens")
    assert done.stopped == "the budget is reached"
    assert teacher.charged <= 1500


def test_what_a_held_back_reply_cost_is_not_forgotten(tmp_path):
    teacher = Teacher(solve, lambda prompt, number: "filter")
    settings = replace(ONE, max_tokens=5, concurrency=1)
    for _ in range(6):
        done = ask(teacher, 6, tmp_path, settings, budget="300 tokens")
    assert teacher.charged <= 300
    assert done.spent == f"{teacher.charged} tokens"


def test_a_budget_is_used_up_though_more_is_set_aside_than_spent(tmp_path):
    teacher = Teacher(solve)
    done = ask(teacher, 300, tmp_path, replace(ONE, concurrency=16), budget="4000 tokens")
    most = len(prompts.first_prompt(questions(300)[-1], ONE)) + ONE.max_tokens
    assert done.stopped == "the budget is reached"
    spent = float(done.spent.split(" tokens")[0].replace(",", ""))
    # a lost connection costs, on paper, the most that its request may: the server's bill is less
    assert 4000 - most - 15 <= spent <= 4000
    assert 16 * 15 < teacher.charged <= spent


def test_ten_thousand_may_be_written_with_a_comma_and_two_fifty_may_not():
    from mkdkit.teachers.asking.prices import Price, parse_budget

    euro = Price(1.0, 1.0, "EUR")
    assert parse_budget("10,000 tokens", None).amount == 10_000
    assert parse_budget("1,234.50 EUR", euro).amount == 1234.5
    with pytest.raises(ValueError, match=r'such as "2.50 USD"'):
        parse_budget("2,50 EUR", euro)


def test_the_estimate_counts_prompts_and_the_most_that_may_be_written():
    (question,) = questions(1)
    settings = replace(QUICK, max_tokens=100, answer_max_tokens=10)
    first = len(prompts.first_prompt(question, settings).encode()) / 4
    sent, written = first + 3 * (first + 100), 3 * (100 + 10)
    said = session.estimate([question], settings)
    expected = f"about {sent:,.0f} tokens sent and {written:,.0f} written at most"
    assert said.startswith(expected)


def test_only_different_rationales_count_as_correct_ones(tmp_path):
    teacher = Teacher(lambda prompt, number: "0 + 1 = 1. Answer: 1")
    done = ask(teacher, 1, tmp_path, replace(ONE, until_correct=2, at_most=5))
    assert (done.rationales, done.correct, done.repeated) == (5, 5, 4)


def test_a_file_that_was_not_collected_here_is_left_alone(tmp_path):
    mine = tmp_path / "said.jsonl"
    mine.write_text("mine\n")
    with pytest.raises(ValueError, match="was not collected here"):
        ask(Teacher(solve), 1, tmp_path, ONE)
    assert mine.read_text() == "mine\n"


@pytest.mark.parametrize(
    ("value", "url", "message"),
    [
        ("sk-ключ", None, "no key: it has signs"),
        ("sk-one\nsk-two", None, "no key: it has signs"),
        ("sk-one", "http://example.org/v1", "in the clear"),
    ],
)
def test_a_key_that_is_none_or_would_be_seen_is_refused(value, url, message, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(ValueError, match=message):
        client.read_key(AskSettings(model="m", base_url=url))


def test_an_address_is_told_without_its_password(tmp_path):
    settings = replace(ONE, base_url="http://me:secret@127.0.0.1:9/v1")
    with pytest.raises(RefusedError, match=r"http://127.0.0.1:9/v1") as caught:
        session.ask(
            questions(1), task=SVAMP, settings=settings, out=tmp_path / "said.jsonl", bar=False
        )
    assert "secret" not in str(caught.value)


def test_a_thought_whose_beginning_stood_in_the_prompt_is_kept_apart():
    assert prompts.split_thought("hm, 4\n</think>\nIt is 4.", None) == ("It is 4.", "hm, 4")
    assert prompts.split_thought("It is 4.", None) == ("It is 4.", "")


def test_two_journals_in_one_file_are_refused(tmp_path):
    path = tmp_path / "journal"
    with Journal(path, {"model": "a"}) as journal:
        journal.append("r", {"text": "one", "tokens": {"prompt": 5, "completion": 3, "replies": 1}})
    path.write_bytes(2 * path.read_bytes())
    with pytest.raises(ValueError, match="line 3: another journal begins"):
        Journal(path, {"model": "a"})
