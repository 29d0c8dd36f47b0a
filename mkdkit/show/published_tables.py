"""Tables 1 to 5 of Mentor-KD as rows, to be printed beside one's own: `mkdkit export table`.

Source: Lee, Kim, Lee (EMNLP 2024), copied from the tables. Accuracies in %, without intervals:
with Table 6's numbers of questions `published.half_width` says how far chance reaches.
"""

from collections.abc import Mapping
from typing import Any

from mkdkit.show import published

Cells = Mapping[tuple[str, str], tuple[float | None, ...]]  # (model, arm) -> accuracies

# Table 1: Flan-T5-XXL teaches Flan-T5-XL. Rows of other papers are from there, as is "teacher"
COLUMNS_1 = ("gsm8k", "asdiv", "svamp", "commonsense_qa")
TABLE_1: Cells = {
    ("GPT-3.5-Turbo", "teacher"): (73.98, 79.64, 75.14, 74.35),
    ("Flan-T5-XXL", "mentor"): (34.34, 50.32, 51.71, 85.01),
    ("GPT-3-curie (Ho et al. 2023)", "fine_tune_cot"): (6.75, None, 12.67, 56.76),
    ("T5-XXL (Magister et al. 2023)", "fine_tune_cot"): (21.99, 42.12, None, None),
    ("Flan-T5-XL (Fu et al. 2023)", "fine_tune_cot"): (22.40, 28.40, 23.80, None),
    ("Flan-T5-XL", "fine_tune_cot"): (22.76, 29.41, 29.33, 81.13),
    ("Flan-T5-XL", "mcc_kd"): (24.28, 31.35, 30.00, 82.88),
    ("Flan-T5-XL", "mentor_kd"): (24.76, 31.86, 32.70, 87.14),
}

COLUMNS_45 = ("tracking_shuffled_objects", "last_letter_concatenation")
# Table 4: "w/o RD" is without the mentor's rationales, "w/o SLD" without its soft labels
TABLE_4: Cells = {
    ("T5-small", "mentor_kd"): (79.56, 56.67),
    ("T5-small", "mentor_kd_no_rationales"): (32.89, 50.00),
    ("T5-small", "mentor_kd_no_soft_labels"): (76.00, 52.00),
    ("Flan-T5-small", "mentor_kd"): (82.67, 58.67),
    ("Flan-T5-small", "mentor_kd_no_rationales"): (64.89, 56.00),
    ("Flan-T5-small", "mentor_kd_no_soft_labels"): (82.22, 54.00),
}
# Table 5: Flan-T5-small on a share of the training questions
TABLE_5: Cells = {
    ("100%", "fine_tune_cot"): (63.11, 52.67),
    ("100%", "mentor_kd"): (82.67, 58.67),
    ("80%", "mentor_kd"): (82.22, 56.00),
    ("40%", "mentor_kd"): (67.11, 52.67),
}
_GPT = {("GPT-3.5 (zero-shot-CoT)", "teacher"): published.TEACHER}
TABLES: dict[int, tuple[str, tuple[str, ...], Cells]] = {
    1: ("model", COLUMNS_1, TABLE_1),
    2: ("model", published.COLUMNS, {**_GPT, **published.TABLE_2}),
    3: ("model", published.COLUMNS, {**_GPT, **published.TABLE_3}),
    4: ("model", COLUMNS_45, TABLE_4),
    5: ("training questions", COLUMNS_45, TABLE_5),
}


def rows(number: int) -> list[dict[str, Any]]:
    """Return a table's rows: what names them, the arm in this kit's words, accuracies by task.

    Raises:
        ValueError: the paper's tables of accuracies are 1 to 5.
    """
    if number not in TABLES:
        raise ValueError(f"Mentor-KD's tables of accuracies are 1 to 5, got {number}")
    first, columns, cells = TABLES[number]
    return [
        {first: name, "arm": arm} | dict(zip(columns, accuracies, strict=True))
        for (name, arm), accuracies in cells.items()
    ]
