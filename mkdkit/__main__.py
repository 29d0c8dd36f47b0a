"""The command line: the stages of the notebooks, without notebooks.

Exit codes: 0 done; 1 the machine failed (disk, memory, network); 2 the request was wrong; 130
stopped by Ctrl-C or SIGTERM. An error is one line that says what to do; `--debug` shows where it
came from.
"""

import sys
import tempfile

import tyro

from mkdkit import commands, export_commands, figure_commands
from mkdkit.commands import say
from mkdkit.pipeline import folders, interrupts, launched

DEBUG = "--debug"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = DEBUG in arguments
    arguments = [argument for argument in arguments if argument != DEBUG]
    try:
        with interrupts.sigterm_unwinds():
            tyro.extras.subcommand_cli_from_dict(
                commands.COMMANDS | export_commands.COMMANDS | figure_commands.COMMANDS,
                prog="mkdkit",
                description="Mentor-KD, step by step. Add --debug to any command for tracebacks.",
                args=arguments,
                config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
            )
            launched.part()
    except KeyboardInterrupt as stopped:
        say(f"\n{str(stopped) or 'stopped'}")
        say("what was finished is kept, and the same command goes on from there")
        return 130
    except Exception as error:
        if debug:
            raise
        return _explain(error)
    return 0


def _explain(error: Exception) -> int:
    """Print an error in one line; return the exit code that tells whose mistake it was."""
    wrong_request = isinstance(error, ValueError | FileNotFoundError)
    name = "" if wrong_request else f"{type(error).__name__}: "
    say(f"mkdkit: {name}{' '.join(str(error).split())}")
    if "No space left" in str(error):
        places = f"{folders.runs_folder()} or {tempfile.gettempdir()}"  # rows of a training
        say(f"free some space in {places}, then give the same command again")
    if not wrong_request:
        say("what was finished is kept; run again with --debug to see where this came from")
    return 2 if wrong_request else 1


if __name__ == "__main__":
    sys.exit(main())
