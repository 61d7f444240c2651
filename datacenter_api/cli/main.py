"""`rackwright NOUN VERB`: runs one command and makes every failure one line with an exit code."""

import functools
import os
import sys
from collections.abc import Callable

import typer

from datacenter_api.cli.nouns import PLAIN, Nouns
from datacenter_api.cli.options import State, Url
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.text import printable

INTERRUPTED = 130

app = typer.Typer(
    name="rackwright",
    cls=Nouns,
    help="Racks under control: run them, look at them, act on them.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    **PLAIN,
)


@app.callback()
def choose_server(url: Url = None, state: State = None) -> None:
    """Racks under control: run them, look at them, act on them."""
    # Both options may also stand after the verb; the environment carries them there.
    if url is not None:
        os.environ["RACKWRIGHT_URL"] = url
    if state is not None:
        os.environ["RACKWRIGHT_STATE"] = str(state)


def main() -> None:
    """Run one command and exit; no traceback reaches the user unless RACKWRIGHT_DEBUG is set."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = _command()(arguments, prog_name="rackwright", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except typer.TyperException as err:
        return _say_usage(err)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except RackwrightError as err:
        _say(str(err))
        return err.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`head`, `less`) has seen enough; Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as err:
        if "RACKWRIGHT_DEBUG" in os.environ:
            raise
        _say(f"unexpected {type(err).__name__}: {err}: set RACKWRIGHT_DEBUG=1 to see where, and tell us")
        return RackwrightError.exit_code
    return 0


@functools.cache
def _command() -> Callable[..., object]:
    """Return the tree of commands, which is put together once a process."""
    return typer.main.get_command(app)


def _say_usage(err: typer.TyperException) -> int:
    """Say in one line what is wrong with the command line; a noun without a verb gets its help."""
    text = err.format_message().replace(": Value error, ", ": ")
    context = getattr(err, "ctx", None)
    if text.lstrip().startswith("Usage:") or not text.strip():
        print(text, file=sys.stderr)  # noqa: T201
    else:
        _say(f"{text.rstrip('.')}: see `{context.command_path if context else 'rackwright'} --help`")
    return err.exit_code


def _say(text: str) -> None:
    print("rackwright: " + " ".join(printable(text).split()), file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
