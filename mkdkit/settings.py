"""Every number a reader may change, with its unit, its range and where it comes from.

All settings are frozen: an ablation is `[replace(settings, kd_weight=w) for w in ...]`.
Defaults are those of the papers' small models where a paper states one; `pipeline.recipes` gives
the values of each profile and of each published experiment.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args, get_type_hints

QuestionSource = Literal["rule-made", "mentor-kd", "mcc-kd", "fine-tune-cot", "jsonl", "hub"]
Method = Literal["full", "lora", "qlora"]
Schedule = Literal["constant", "cosine", "linear"]
Template = Literal["arrow", "therefore"]
Precision = Literal["auto", "bf16", "fp32"]
Keep = Literal["best", "last"]
Optimizer = Literal["adamw", "paged_adamw_8bit"]
Augmentation = Literal["own", "recorded"]
Wordings = Literal["shared", "apart"]
Divergence = Literal["forward", "reverse", "jensen-shannon"]


def _require(rule: bool, name: str, what: str, value: Any) -> None:
    if not rule:
        raise ValueError(f"{name} must be {what}, got {value!r}")


def _require_choice(name: str, value: Any, choices: Any) -> None:
    _require(value in get_args(choices), name, f"one of {', '.join(get_args(choices))}", value)


@dataclass(frozen=True, kw_only=True)
class QuestionSettings:
    """Which questions, and how many. Validation is taken from train, never from test."""

    task: str = "multi_step_arithmetic"
    source: QuestionSource = "rule-made"
    data_dir: str | None = None  # the folder or file of a recorded source; a set's name on the Hub
    hub_config: str | None = None  # hub: the configuration, where a set has several
    text_column: str = "question"  # hub: the column with the question
    answer_column: str = "answer"  # hub: the column with the reference answer
    answer_mark: str | None = None  # hub: what stands before the answer in it, such as "####"
    rationale_column: str | None = None  # hub: the column with rationale, mark and answer
    train: int | None = 300  # questions; None: all there are
    validation: int = 100  # questions
    test: int | None = 200  # questions; None: all there are
    steps: int | None = None  # rule-made: steps a solution takes; None: the task's own default
    objects: int = 3  # rule-made tracking_shuffled_objects: 3, 5 or 7
    wordings: Wordings = "shared"  # rule-made: "apart": train has none of the test's wordings
    renamed_copies: int = 0  # recorded tracking: of each training question, about other things
    seed: int = 0  # draws train; rule-made validation and test never change with it

    def __post_init__(self) -> None:
        for name, choices in (("source", QuestionSource), ("wordings", Wordings)):
            _require_choice(name, getattr(self, name), choices)
        for name, none in (("train", "all"), ("test", "all"), ("steps", "the task's own")):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, f"at least 1, or none for {none}", value)
        for name in ("validation", "renamed_copies"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(self.objects in (3, 5, 7), "objects", "3, 5 or 7", self.objects)


@dataclass(frozen=True, kw_only=True)
class TeacherSettings:
    """How many rationales a teacher writes; the slip rate is the scripted teacher's alone."""

    rationales_per_question: int = 3  # Mentor-KD: three of six, drawn at random
    slip_rate: float = 0.2  # share of scripted rationales with a slip in them, 0 to 1
    trust_flags: bool = False  # recorded: right where the file says so; else where we read it so
    seed: int = 0

    def __post_init__(self) -> None:
        n = self.rationales_per_question
        _require(n >= 1, "rationales_per_question", "at least 1", n)
        _require(0 <= self.slip_rate <= 1, "slip_rate", "between 0 and 1", self.slip_rate)


@dataclass(frozen=True, kw_only=True)
class FilterSettings:
    """Which rationales are kept. The papers ask for a right answer and nothing else."""

    correct_only: bool = True  # drop "no answer" and "wrong answer"
    check_reasoning: bool = False  # drop "flawed reasoning" by the task's process check
    drop_duplicates: bool = True  # the same text twice for one question
    encodable_only: bool = True  # drop text with characters the tokenizer does not know
    max_tokens: int | None = 512  # prompt + completion; longer ones are dropped, never cut
    max_per_question: int | None = None  # the first ones stay

    def __post_init__(self) -> None:
        for name in ("max_tokens", "max_per_question"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, "at least 1, or none for no limit", value)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How a model is fine-tuned on completions."""

    method: Method = "full"  # full fine-tuning, LoRA, or LoRA on a base held in 4-bit NF4
    lora_rank: int = 16  # r: columns of the two small matrices beside each linear layer
    lora_alpha: int = 32  # the update is scaled by alpha / r
    lora_dropout: float = 0.0
    learning_rate: float = 3e-4  # AdamW, at its highest; Fine-tune-CoT's open models
    schedule: Schedule = "constant"  # after the warm-up; cosine and linear end at zero
    warmup_share: float = 0.0  # of all optimiser steps
    weight_decay: float = 0.0
    clip_norm: float = 1.0  # gradients longer than this are scaled down to it; 0: never
    optimizer: Optimizer = "adamw"  # or bitsandbytes', its moments in 8 bits, 2 bytes a weight
    batch_size: int = 8  # rows of like length
    accumulation_steps: int = 1  # batches in one optimiser step
    max_batch_tokens: int | None = None  # padded, in one forward pass; larger batches are split
    answer_weight: float = 1.0  # of the tokens that first tell a completion's answer; others: 1
    epochs: float = 20  # passes over the set
    max_steps: int | None = None  # optimiser steps; overrides epochs (for equal-steps arms)
    max_tokens: int = 512  # prompt + completion; a longer row is an error here
    template: Template = "arrow"  # "{r} --> {a}" or "{r}. Therefore, the answer is {a}."
    precision: Precision = "auto"  # of the forward pass; auto: bf16 where the machine is fast at it
    gradient_checkpointing: bool = False  # less memory for about a third more time
    validations: int = 4  # spread evenly over the training; 0: never
    keep: Keep = "best"  # the weights kept: best on validation, or last
    checkpoint_seconds: float = 120.0  # at most this much work is lost when a run is killed
    seed: int = 0

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name in ("method", "schedule", "template", "precision", "keep", "optimizer"):
            _require_choice(name, getattr(self, name), hints[name])
        for name in ("lora_rank", "lora_alpha", "batch_size", "accumulation_steps", "max_tokens"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(0 <= self.lora_dropout < 1, "lora_dropout", "in [0, 1)", self.lora_dropout)
        for name in ("learning_rate", "answer_weight", "epochs"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        _require(0 <= self.warmup_share <= 1, "warmup_share", "from 0 to 1", self.warmup_share)
        for name in ("weight_decay", "clip_norm", "validations", "checkpoint_seconds"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for name in ("max_steps", "max_batch_tokens"):
            value = getattr(self, name)
            _require(value is None or value >= 1, name, "at least 1, or none for no limit", value)


@dataclass(frozen=True, kw_only=True)
class StudentSettings(TrainingSettings):
    """How a student is distilled. Defaults of λ, τ and rate: Mentor-KD's published script."""

    kd_weight: float = 0.3  # λ: share of the soft-label loss, 0 to 1
    kd_temperature: float = 2.0  # τ: softens both distributions, > 0
    divergence: Divergence = "forward"  # soft-label loss: KL(mentor ‖ student), the paper's
    tau_squared: bool = False  # multiply the soft-label loss by τ²; the paper does not
    consistency_weight: float = 0.1  # α of MCC-KD, for the arm mcc_kd alone
    consistency_temperature: float = 1.0  # of both distributions in it, > 0
    learning_rate: float = 2e-4

    def __post_init__(self) -> None:
        TrainingSettings.__post_init__(self)
        _require_choice("divergence", self.divergence, Divergence)
        _require(0 <= self.kd_weight <= 1, "kd_weight", "between 0 and 1", self.kd_weight)
        for name in ("kd_temperature", "consistency_temperature"):
            _require(getattr(self, name) > 0, name, "above 0", getattr(self, name))
        weight = self.consistency_weight
        _require(weight >= 0, "consistency_weight", "0 or more", weight)


@dataclass(frozen=True, kw_only=True)
class SamplingSettings:
    """How the mentor writes rationales (augmentation)."""

    degree: int = 3  # rationales per question
    sampling_temperature: float = 0.7  # randomness; Mentor-KD's script
    top_k: int | None = None  # sample among the k likeliest tokens; None: among all
    top_p: float = 1.0  # sample within this much of the probability mass
    max_new_tokens: int = 256
    batch_size: int = 16  # questions; each has `degree` rows
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("degree", "max_new_tokens", "batch_size"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        _require(
            self.sampling_temperature > 0,
            "sampling_temperature",
            "above 0 (greedy decoding is for scoring)",
            self.sampling_temperature,
        )
        _require(0 < self.top_p <= 1, "top_p", "above 0 and at most 1", self.top_p)
        _require(self.top_k is None or self.top_k >= 1, "top_k", "at least 1", self.top_k)


@dataclass(frozen=True, kw_only=True)
class SoftLabelSettings:
    """What is stored of the mentor's distributions."""

    top_k: int = 64  # tokens kept per scored token; the rest is one bucket
    batch_size: int = 16  # rows in one forward pass
    precision: Precision = "auto"  # of that pass; auto: bf16 where the machine is fast at it

    def __post_init__(self) -> None:
        _require_choice("precision", self.precision, Precision)
        for name in ("top_k", "batch_size"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class ScoringSettings:
    """How a model is scored: greedy, one completion a question."""

    max_new_tokens: int = 256
    batch_size: int = 64  # questions

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "batch_size"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))


@dataclass(frozen=True, kw_only=True)
class VotingSettings:
    """Self-consistency: the answer that most of several sampled completions give (Wang 2023)."""

    samples: int = 10  # completions a question, where an arm is scored by vote; the paper draws 40
    sampling_temperature: float = 0.7  # of these; the paper's for GPT-3
    least_share: float = 0.5  # of a question's rationales that must agree, if nobody can check them

    def __post_init__(self) -> None:
        _require(self.samples >= 1, "samples", "at least 1", self.samples)
        temperature = self.sampling_temperature
        _require(temperature > 0, "sampling_temperature", "above 0", temperature)
        _require(0 <= self.least_share <= 1, "least_share", "between 0 and 1", self.least_share)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every setting of one run, from questions to scores."""

    profile: str = "tiny"
    questions: QuestionSettings = field(default_factory=QuestionSettings)
    teacher: TeacherSettings = field(default_factory=TeacherSettings)
    teacher_filter: FilterSettings = field(default_factory=FilterSettings)
    mentor_base: str = "tiny-mentor"  # a shipped base, a folder, or a name on the Hub
    mentor: TrainingSettings = field(default_factory=TrainingSettings)
    augmentation: Augmentation = "own"  # our mentor writes, or the published mentor's rationales
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    mentor_filter: FilterSettings = field(default_factory=FilterSettings)
    soft_labels: SoftLabelSettings = field(default_factory=SoftLabelSettings)
    student_base: str = "tiny-student"
    student: StudentSettings = field(default_factory=StudentSettings)
    scoring: ScoringSettings = field(default_factory=ScoringSettings)
    voting: VotingSettings = field(default_factory=VotingSettings)
    seed: int = 0

    def __post_init__(self) -> None:
        _require_choice("augmentation", self.augmentation, Augmentation)


def recipe_from(values: Mapping[str, Any]) -> Recipe:
    """Return the recipe whose `dataclasses.asdict` is `values`, as read from a JSON file.

    Raises:
        ValueError: a setting that there is not, or a value it cannot have.
    """
    parts: dict[str, Any] = {}
    for setting in fields(Recipe):
        if setting.name in values:
            value = values[setting.name]
            is_group = is_dataclass(setting.type)
            kind = "a group of settings" if is_group else "one value"
            _require(isinstance(value, Mapping) == is_group, setting.name, kind, value)
            parts[setting.name] = _group(setting.type, setting.name, value) if is_group else value
    unknown = sorted(values.keys() - parts.keys())
    known = ", ".join(setting.name for setting in fields(Recipe))
    _require(not unknown, "a recipe", f"of {known}", ", ".join(unknown))
    return Recipe(**parts)


def changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with some settings changed, by group: {"student": {"kd_weight": 0.5}}.

    Raises:
        ValueError: a setting that there is not, or a value it cannot have.
    """
    values = asdict(recipe)
    for name, change in changes.items():
        both = isinstance(change, Mapping) and isinstance(values.get(name), dict)
        values[name] = values[name] | change if both else change
    return recipe_from(values)


def _group(kind: Any, name: str, values: Mapping[str, Any]) -> Any:
    known, hints = [setting.name for setting in fields(kind)], get_type_hints(kind)
    unknown = sorted(values.keys() - set(known))
    _require(not unknown, f"settings of {name}", f"of {', '.join(known)}", ", ".join(unknown))
    for setting, value in values.items():
        where, kind_of_it = f"{name}.{setting}", hints[setting]
        is_whole = int in (kind_of_it, *get_args(kind_of_it))
        _require(not (is_whole and isinstance(value, float | bool)), where, "a whole number", value)
        _require(kind_of_it is not bool or isinstance(value, bool), where, "true or false", value)
    try:
        return kind(**values)
    except TypeError as error:  # a word, say, compared with a number's range
        raise ValueError(f"settings of {name}: {error}") from error
