"""Names, nouns and question forms of the pre-training text: others than the evaluated tasks use."""

from random import Random

FIRST_NAMES = ["Ada", "Adil", "Aiko", "Alma", "Amir", "Anouk", "Anton", "Arlo", "Asha", "Astrid", "Basil", "Beata", "Benno", "Bianca", "Boris", "Bruno", "Carla", "Cem", "Chiara", "Cora", "Cyrus", "Dara", "Della", "Dimitri", "Dora", "Edda", "Edgar", "Eero", "Elif", "Emre", "Enzo", "Esra", "Ezra", "Fabio", "Farah", "Fay", "Felix", "Fiona", "Flora", "Gaia", "Gemma", "Gideon", "Greta", "Gustav", "Hana", "Hedda", "Hugo", "Ida", "Igor", "Ilse", "Imani", "Ingrid", "Iris", "Ivan", "Jade", "Jonas", "Juno", "Kai", "Kamal", "Kenji", "Kira", "Kofi", "Lars", "Leila", "Lena", "Levi", "Lina", "Luca", "Magnus", "Malik", "Marta", "Milo", "Mina", "Mira", "Nadia", "Nils", "Nina", "Noor", "Odin", "Olga", "Omar", "Otis", "Otto", "Oya", "Paula", "Pavel", "Petra", "Pia", "Priya", "Quinn", "Rafi", "Rahel", "Remy", "Rita", "Rosa", "Rufus", "Runa", "Sana", "Selma", "Sigrid", "Silas", "Sofia", "Sven", "Tara", "Tariq", "Thea", "Theo", "Tilda", "Uma", "Umar", "Ursula", "Vera", "Victor", "Viola", "Walt", "Wanda", "Wim", "Xenia", "Yara", "Yusuf", "Zara", "Zelda", "Zeno", "Zoe"]
ITEMS = ["cup", "kite", "drum", "shell", "lantern", "whistle", "ribbon", "scarf", "basket", "puzzle", "candle", "bell", "flute", "mirror", "brush", "spoon", "bottle", "stamp", "coat", "hat", "ring", "key", "map", "mug", "sock", "glove", "boot", "jar", "plate", "pebble", "button", "rope", "bowl", "pin", "lid"]
COLOURS = ["red", "blue", "green", "yellow", "orange", "purple", "pink", "black", "white", "brown", "gray", "golden", "silver"]
PLURALS = ["plums", "figs", "pears", "berries", "eggs", "marbles", "pencils", "cards", "stickers", "stamps", "shells", "beads", "coins", "tickets", "lemons", "peaches", "grapes", "nuts", "seeds", "leaves", "stones", "bricks", "bottles", "cups", "chairs", "pages", "boxes", "flowers", "pens"]
PLACES = ["box", "basket", "bag", "jar", "bowl", "room", "garden", "shop", "bus", "drawer", "shelf", "barn"]
ONSETS = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z", "br", "ch", "cl", "dr", "fr", "gr", "kr", "pr", "sh", "st", "th", "tr"]
VOWELS = ["a", "e", "i", "o", "u", "a", "e", "i", "o", "ai", "ea", "ee", "ia", "io", "ou"]
CODAS = ["", "", "", *["n", "r", "s", "l", "t", "m", "k", "d", "x", "p", "b", "f", "g", "h", "y", "z", "nd", "rt", "ck", "ll", "ns"]]


def name(rng: Random) -> str:
    """A first name, half of the time one put together from syllables."""
    if rng.random() < 0.5:
        return rng.choice(FIRST_NAMES)
    return syllables(rng, rng.choice((1, 1, 2, 2))).capitalize()


def syllables(rng: Random, n: int) -> str:
    """A made-up word of n syllables, in small letters; it can begin with a vowel."""
    parts = [rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(n)]
    word = "".join(parts)
    return word.lstrip("bcdfghjklmnprstvwyz") or word if rng.random() < 0.2 else word


def names(rng: Random, n: int) -> list[str]:
    """N different names; mostly with different first letters."""
    chosen: dict[str, str] = {}
    strict = rng.random() < 0.8
    while len(chosen) < n:
        new = name(rng)
        chosen.setdefault(new[0] if strict else new, new)
    return list(chosen.values())


def ask(rng: Random, question: str, answer: str) -> str:
    """One question and its answer; the answer stands between « and »."""
    form = rng.choice(
        (
            "Q: {q}\nA: «{a}»",
            "Q: {q}\nA: --> «{a}»",
            "{q} --> «{a}»",
            "{q} --> «{a}»",
            "{q}\n--> «{a}»",
            "{q} «{a}».",
            "{q}\n«{a}»",
            "Question: {q}\nAnswer: «{a}»",
        )
    )
    return form.format(q=question, a=answer)


def join_up(rng: Random, parts: list[str]) -> str:
    """Several short texts as one: on lines of their own, or one after another."""
    return rng.choice(("\n", "\n", " ", "\n\n")).join(parts)
