"""The papers' own recipes: models, rates and lengths of the published experiments."""

from typing import Any

from mkdkit.settings import (
    QuestionSettings,
    Recipe,
    SamplingSettings,
    ScoringSettings,
    StudentSettings,
    TeacherSettings,
    TrainingSettings,
)

# Mentor-KD: which mentor each student has
_MENTORS = {
    "google-t5/t5-small": "google-t5/t5-large",
    "google-t5/t5-base": "google-t5/t5-large",
    "google/flan-t5-small": "google/flan-t5-large",
    "google/flan-t5-base": "google/flan-t5-large",
    "google/flan-t5-xl": "google/flan-t5-xxl",
}
# Mentor-KD, augment_train_data.sh: the mentor's learning rate by base family and task
_MENTOR_RATES = {
    "t5": {"svamp": 3e-4, "date_understanding": 2e-4, "tracking_shuffled_objects": 2e-4},
    "flan-t5": {"last_letter_concatenation": 2e-4},
}


def mentor_kd(task: str, student: str = "google/flan-t5-small") -> Recipe:
    """Return Mentor-KD's settings for a task and a student.

    Students below one billion parameters (T5 or Flan-T5, small or base) have a large mentor, full
    fine-tuning and the template "{r} --> {a}"; Flan-T5-XL has an XXL mentor, LoRA and "{r}.
    Therefore, the answer is {a}.". Settings that differ on purpose: weights are chosen on a
    validation split taken from train, never on test; LoRA goes to all linear layers, not only q
    and v. And the kit trains as it always does: no loss on padding, gradients clipped, duplicates
    dropped, rows that are too long dropped and not cut.

    Raises:
        ValueError: the paper has no such student.

    Source: Lee et al. (EMNLP 2024), appendix B and C, and the shell scripts of its code.
    """
    if student not in _MENTORS:
        raise ValueError(f"student must be one of {', '.join(_MENTORS)}, got {student!r}")
    large = student == "google/flan-t5-xl"
    shared: dict[str, Any] = {"batch_size": 8, "template": "therefore" if large else "arrow"}
    if large:
        shared |= {"method": "lora", "lora_alpha": 32, "lora_dropout": 0.05}
    rates = _MENTOR_RATES["flan-t5" if "flan" in student else "t5"]
    return Recipe(
        profile="gpu",
        questions=QuestionSettings(task=task, source="mentor-kd", train=None, test=None),
        teacher=TeacherSettings(rationales_per_question=3, slip_rate=0.0, trust_flags=True),
        mentor_base=_MENTORS[student],
        mentor=TrainingSettings(
            learning_rate=rates.get(task, 1e-4),
            epochs=18 if large else 10,
            lora_rank=128,
            **shared,
        ),
        sampling=SamplingSettings(degree=3, sampling_temperature=0.7, top_k=50, max_new_tokens=512),
        student_base=student,
        student=StudentSettings(
            kd_weight=0.3,
            kd_temperature=1.0 if large else 2.0,
            learning_rate=2e-4,
            epochs=18 if large else 20,
            lora_rank=64,
            **shared,
        ),
        scoring=ScoringSettings(max_new_tokens=512, batch_size=16),  # not above training's memory
    )


def fine_tune_cot(task: str, student: str = "google/flan-t5-small") -> Recipe:
    """Return Fine-tune-CoT's settings for open models, for the arm `fine_tune_cot`.

    Causal students read "{q} ###" and learn " {r} --> {a}" with an end mark; encoder-decoders
    read "{q}" and learn "{r} --> {a}" (`models.encoding`). One rationale a question; with diverse
    reasoning 8, or 64 for MultiArith and SVAMP.

    Source: Ho et al. (ACL 2023), section 4 and appendix, and its published code.
    """
    return Recipe(
        profile="gpu",
        questions=QuestionSettings(task=task, source="fine-tune-cot", train=None, test=None),
        teacher=TeacherSettings(rationales_per_question=1, slip_rate=0.0),
        student_base=student,
        student=StudentSettings(kd_weight=0.0, learning_rate=3e-4, batch_size=8, epochs=20),
        scoring=ScoringSettings(max_new_tokens=1024),
    )
