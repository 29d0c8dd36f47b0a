"""First names for rule-made questions."""

from collections.abc import Sequence
from random import Random

_NAMES = """
Aaron Abby Abel Ada Adam Adele Agnes Aidan Alan Albert Alec Alex Alfred Alice Alma Amber Amelia
Amos Amy Ana Andrea Andrew Angela Anita Ann Anna Anton April Archie Arlo Arthur Asher Astrid
Audrey Ava Axel Barry Basil Beatrix Becky Bella Ben Bernard Beth Betty Bill Blake Bob Bonnie
Boris Brad Bram Brenda Brett Brian Bruce Bruno Bryan Byron Caleb Calvin Cara Carl Carmen Carol
Cecil Celia Chad Chloe Clara Clark Claude Clay Cleo Clive Cody Colin Connor Cora Craig Curtis
Cyril Daisy Dale Damon Dan Dana Daphne Daria Dave Dawn Dean Deborah Della Denis Derek Diana
Dino Dolly Dominic Donald Donna Dora Doris Doug Drew Duncan Dustin Dylan Earl Eddie Edgar Edith
Edmund Edna Edwin Eileen Elaine Eleanor Eli Elias Elise Eliza Ella Ellen Elliot Elmer Elsa Emil
Emma Enid Eric Erin Ernest Esther Ethan Eugene Eva Evan Evelyn Ezra Faith Fay Felix Fern Fiona
Flora Floyd Frances Frank Fred Freya Gail Gary Gavin Gemma Gene George Gerald Gilbert Gina Glen
Gloria Gordon Grace Graham Grant Greg Greta Gus Gwen Hank Hanna Harold Harriet Harry Hazel
Heather Hector Helen Henry Herman Hilda Holly Hope Howard Hugh Hugo Ian Ida Igor Imogen Ina
Ingrid Ira Irene Iris Irma Isaac Isla Ivan Ivy Jack Jade Jake James Jan Jane Janet Jared Jason
Jay Jean Jeff Jenna Jeremy Jesse Jill Jim Joan Joanna Joe Joel John Jonas Jordan Joy Judith
Judy Julia Julius June Karen Karl Kate Kay Keith Kelly Ken Kent Kevin Kim Kirk Kurt Kyle Lana
Lara Laura Laurel Leah Lee Lena Leo Leon Leroy Lewis Lila Lily Linda Lionel Lisa Liz Lloyd Logan
Lois Lola Lorna Louis Lucas Lucy Luke Lydia Mabel Magnus Malcolm Mara Marcus Margo Maria Marion
Mark Martha Martin Mary Matt Maud Maureen Max May Meg Melvin Meredith Mia Mike Miles Milo Mimi
Miriam Moira Mona Morgan Moses Myra Nadia Nancy Naomi Nathan Ned Neil Nell Nick Nigel Nina Noah
Noel Nora Norman Odette Olga Olive Oliver Opal Oscar Otto Owen Pam Pat Paul Paula Pearl Peggy
Penny Percy Perry Pete Petra Philip Phoebe Piper Polly Quentin Quinn Rachel Ralph Ramona Ray
Rebecca Reed Regina Rex Rhoda Rhys Rick Rita Rob Robin Roger Roland Ron Rosa Rose Ross Roy Ruby
Rudy Rufus Rupert Russ Ruth Ryan Sadie Sally Sam Sandra Sara Saul Scott Sean Seth Shane Sheila
Sid Sigrid Silas Simon Skye Sonia Sophie Stan Stella Steve Stuart Sue Susan Sven Sybil Sylvia
Tad Tamara Tanya Tara Ted Terence Tess Thea Theo Thomas Tilda Tim Tina Toby Todd Tom Tony Tracy
Trevor Troy Una Ursula Vera Vernon Vic Viola Violet Vivian Wade Wallace Walter Wanda Warren
Wayne Wendy Wesley Wilbur Will Wilma Winston Xavier Yolanda Yvonne Zach Zara Zelda Zoe
"""
NAMES: tuple[str, ...] = tuple(_NAMES.split())

# a tiny model reads names letter by letter, so where a name is no part of the problem it is short
_WORDS = {"Fay", "Gus", "Jan", "Joy", "May", "Pat"}
SHORT_NAMES: tuple[str, ...] = tuple(
    name for name in NAMES if len(name) == 3 and name not in _WORDS
)
SHORTEST_NAMES: tuple[str, ...] = (
    *("Al", "Bo", "Cy", "Di", "Ed", "Em", "Ev", "Jo", "Ki", "Li", "Lu", "Mo", "Oz", "Ty", "Vi"),
    "Zo",
)


def some_names(rng: Random, names: Sequence[str], n: int) -> tuple[str, ...]:
    """N different names; their initials differ too while there are enough, as in published ones."""
    first: dict[str, str] = {}
    others = []
    for name in rng.sample(names, len(names)):
        if name[0] in first:
            others.append(name)
        else:
            first[name[0]] = name
    return (*first.values(), *others)[:n]
