"""The tokenizer of the tiny family: whole common words, single digits, letters for all else.

A name is read letter by letter, so that its last letter can be seen; a number digit by digit, so
that a sum can be done in columns. Any text is read and written back exactly: what is not in the
list falls to letters, and a letter outside a-z to its UTF-8 bytes.
"""

import string
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

WORDS_FILE = Path(__file__).with_name("tiny_words.txt")
PAD, EOS = "<pad>", "<eos>"
CONTEXT = 768  # tokens: the bases have read no longer row
SPACE = "Ġ"  # how byte-level tokenizers write a leading space
SIGNS = [" -->", "-->", " +", " -", " =", " (", " /", ").", "),"]
QUOTES = ['."', ' "', '",', '".', '"?', '?"']


def read_sections(path: Path) -> dict[str, list[str]]:
    """Word lists of a file: "[name]" begins one, words stand between spaces, # begins a comment."""
    sections: dict[str, list[str]] = {}
    words: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            words = sections.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            words.extend(line.split())
    return sections


def read_words() -> tuple[list[str], list[str]]:
    """The words that are one token after a space, and those that also are when capitalised."""
    sections = read_sections(WORDS_FILE)
    return sections["words"], sections["sentence starts"]


def vocabulary() -> list[str]:
    """Every token in the order of its id; a leading space is written Ġ."""
    words, starts = read_words()
    letters = [SPACE + letter for letter in string.ascii_letters]
    signs = [sign.replace(" ", SPACE) for sign in SIGNS + QUOTES]
    capital = [word.capitalize() for word in starts]
    tokens = [PAD, EOS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *letters, *signs]
    tokens += [SPACE + word for word in words] + [SPACE + word for word in capital] + capital
    return list(dict.fromkeys(tokens))  # "a" and "I" are words and letters


def build() -> PreTrainedTokenizerFast:
    """The tokenizer, with pad and end-of-text tokens, no beginning token and no unknown token."""
    vocab = {token: number for number, token in enumerate(vocabulary())}
    merges = [(SPACE, letter) for letter in string.ascii_letters]
    # ignore_merges: a piece that is a whole token is taken as it is, merges or not
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=True))
    digits = pre_tokenizers.Split(Regex(r"\d"), behavior="isolated")
    pieces = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pieces])
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        clean_up_tokenization_spaces=False,
        model_max_length=CONTEXT,
    )
