"""The table of tasks: what kind of answer each one asks for, and how its reasoning is checked.

Sizes are those of Mentor-KD's Table 6 where it has the task, and of Fine-tune-CoT otherwise.
"""

import difflib
from dataclasses import dataclass
from typing import Literal, get_args

AnswerType = Literal["number", "choice", "yes_no", "letters", "free_form"]
Check = Literal["equations", "swaps", "coin", "letters", "dates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One kind of question: its answers, its process check, and where it was published."""

    name: str
    title: str
    answer_type: AnswerType
    options: str = ""  # for choices: the letters an answer may be
    check: Check | None = None  # the process check in `checks.py`; None: there is none
    rule_made: bool = False  # `procedural.py` can make questions of this kind
    train_size: int | None = None  # published questions
    test_size: int | None = None  # published questions
    licence: str = "not stated"
    source: str = ""

    def __post_init__(self) -> None:
        for name, choices in (("answer_type", get_args(AnswerType)), ("check", get_args(Check))):
            value = getattr(self, name)
            if value not in choices and not (name == "check" and value is None):
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
        is_letters = self.options.isascii() and self.options.isalpha() and self.options.isupper()
        if (self.answer_type == "choice") != is_letters:
            message = f"a choice task, and no other, has capital option letters, got {self!r}"
            raise ValueError(message + '; give for example options="ABCD"')


def _number(name: str, title: str, train: int, test: int, licence: str, source: str) -> Task:
    return Task(
        name=name,
        title=title,
        answer_type="number",
        check="equations",
        train_size=train,
        test_size=test,
        licence=licence,
        source=source,
    )


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _number("addsub", "AddSub", 276, 119, "not stated", "Hosseini et al., EMNLP 2014"),
        Task(
            name="aqua",
            title="AQuA-RAT",
            answer_type="choice",
            options="ABCDE",
            check="equations",
            train_size=10_000,
            test_size=254,
            licence="Apache-2.0",
            source="Ling et al., ACL 2017",
        ),
        _number("asdiv", "ASDiv", 1462, 314, "CC BY-NC 4.0", "Miao et al., ACL 2020"),
        Task(
            name="coin_flip",
            title="Coin Flip",
            answer_type="yes_no",
            check="coin",
            rule_made=True,
            train_size=350,
            test_size=150,
            source="Wei et al., NeurIPS 2022; Kojima et al., NeurIPS 2022",
        ),
        Task(
            name="commonsense_qa",
            title="CommonsenseQA",
            answer_type="choice",
            options="ABCDE",
            train_size=8520,
            test_size=1221,
            source="Talmor et al., NAACL 2019",
        ),
        Task(
            name="date_understanding",
            title="Date Understanding",
            answer_type="choice",
            options="ABCDEF",
            check="dates",
            rule_made=True,
            train_size=258,
            test_size=111,
            licence="Apache-2.0",
            source="BIG-bench, Srivastava et al., TMLR 2023",
        ),
        _number("gsm8k", "GSM8K", 7473, 659, "MIT", "Cobbe et al., 2021"),
        Task(
            name="last_letter_concatenation",
            title="Last Letter Concatenation",
            answer_type="letters",
            check="letters",
            rule_made=True,
            train_size=350,
            test_size=150,
            source="Wei et al., NeurIPS 2022; Kojima et al., NeurIPS 2022",
        ),
        _number("multiarith", "MultiArith", 420, 180, "not stated", "Roy and Roth, EMNLP 2015"),
        _number("single_eq", "SingleEq", 356, 152, "not stated", "Koncel-Kedziorski et al., 2015"),
        Task(
            name="strategy_qa",
            title="StrategyQA",
            answer_type="yes_no",
            train_size=1603,
            test_size=687,
            licence="Apache-2.0",
            source="Geva et al., TACL 2021",
        ),
        _number("svamp", "SVAMP", 700, 150, "MIT", "Patel et al., NAACL 2021"),
        Task(
            name="tracking_shuffled_objects",
            title="Tracking Shuffled Objects",
            answer_type="choice",
            options="ABCDEFG",  # the published form has three objects; ours three, five or seven
            check="swaps",
            rule_made=True,
            train_size=525,
            test_size=225,
            licence="Apache-2.0",
            source="BIG-bench, Srivastava et al., TMLR 2023",
        ),
        Task(
            name="mathematics",
            title="Free-form mathematics",
            answer_type="free_form",
            check="equations",
            licence="that of the reader's data",
            source="questions of the reader's own",
        ),
        Task(
            name="multi_step_arithmetic",
            title="Multi-step Arithmetic",
            answer_type="number",
            check="equations",
            rule_made=True,
            licence="Apache-2.0",
            source="made by rule, in `procedural.py`",
        ),
    )
}

# as the papers' tables write them; only used to say "did you mean"
SHORT_NAMES = {
    "csqa": "commonsense_qa",
    "date": "date_understanding",
    "llc": "last_letter_concatenation",
    "math": "mathematics",
    "sqa": "strategy_qa",
    "tso": "tracking_shuffled_objects",
}


def find(name: str) -> Task:
    """Return the task of this name.

    Raises:
        ValueError: there is none; the message lists the tasks and the nearest name.
    """
    if name in TASKS:
        return TASKS[name]
    message = f"task {name!r} is unknown; the tasks are {', '.join(sorted(TASKS))}"
    nearest = _nearest(str(name))
    raise ValueError(message + (f"; did you mean {nearest!r}?" if nearest else ""))


def _nearest(name: str) -> str | None:
    """Return the task whose name, title or short name comes nearest to `name`, if any does."""
    wanted = name.strip().lower().replace("-", "_").replace(" ", "_")
    words = {task.title.lower().replace(" ", "_"): task.name for task in TASKS.values()}
    words |= SHORT_NAMES | {name: name for name in TASKS}
    near = difflib.get_close_matches(wanted, list(words), n=1, cutoff=0.6)
    inside = [word for word in words if len(wanted) > 3 and wanted in word]
    return words[(near or inside)[0]] if near or inside else None


def add(task: Task) -> None:
    """Add a task of the reader's own to `TASKS`, for this run of Python.

    Raises:
        ValueError: a task of this name exists; its rules would change under the reader's feet.
    """
    if task.name in TASKS:
        raise ValueError(f"task {task.name!r} exists already; choose another name")
    TASKS[task.name] = task
