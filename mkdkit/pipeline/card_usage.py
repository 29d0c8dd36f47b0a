"""How a trained model is used without this kit: the program in its card."""

from pathlib import Path
from string import Template

from mkdkit.models import encoding, loading, prompting
from mkdkit.pipeline import stages
from mkdkit.pipeline.finished import Finished

LAST_SIGN = 0x3000  # before it typographic signs are looked for

PROGRAM = Template("""```python
from transformers import AutoTokenizer, $auto

place = "."  # this folder, or its name on the Hub
tokenizer = AutoTokenizer.from_pretrained(place)
model = $auto.from_pretrained(place)

question = $question
plain = str.maketrans($signs)
prompt = " ".join(question.translate(plain).split())$separator
ids = tokenizer(prompt, return_tensors="pt").input_ids$cut
written = model.generate(ids, attention_mask=ids.new_ones(ids.shape))
print(tokenizer.decode(written[0$start], skip_special_tokens=True).strip())
```""")


def usage(run: Finished, model: Path) -> str:
    """Return the section: how the model wants to be asked, and a program that does it.

    Args:
        run: what was trained and scored.
        model: the folder with the model as it leaves.
    """
    family = loading.family_of_base(str(model))
    tokenizer = loading.load_tokenizer(str(model))
    is_free = run.recipe.questions.source == "rule-made"  # the texts of others stay where they are
    text = stages.read_splits(run.tested).test[0].text if is_free else "Write your question here."
    slots = {"auto": "AutoModelForSeq2SeqLM", "separator": "", "cut": "", "start": ""}
    if family == "causal":
        separator = f' + "{prompting.CAUSAL_SEPARATOR}"'
        slots = {"auto": "AutoModelForCausalLM", "separator": separator, "cut": ""}
        slots["start"] = ", ids.shape[1] :"
        if tokenizer("a").input_ids[-1] == encoding.end_token(tokenizer):
            slots["cut"] = "[:, :-1]  # without the end mark: a prompt stays open"
    slots |= {"question": repr(text), "signs": repr(_signs())}
    most = run.recipe.scoring.max_new_tokens
    return (
        "Asked as it was when it was scored: one line, in plain signs. How it is to write lies in "
        f"`generation_config.json`: greedily, {most} tokens at most.\n\n{PROGRAM.substitute(slots)}"
    )


def _signs() -> dict[str, str]:
    """Return the typographic signs that prompts are cleaned of, and what stands for each."""
    written = {sign: prompting.clean_text(sign) for sign in map(chr, range(0x80, LAST_SIGN))}
    return {sign: plain for sign, plain in written.items() if plain not in ("", sign)}
