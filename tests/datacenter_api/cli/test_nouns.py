"""The table of words: each is what it says, and one command loads no other."""

import subprocess
import sys

import pytest
import typer

from datacenter_api.cli.main import app
from datacenter_api.cli.nouns import NOUNS

LOADED = """
import sys
from datacenter_api.cli.main import run
run(["version"])
print(*(name.rpartition(".")[2] for name in sys.modules if name.startswith("datacenter_api.cli.")))
"""


@pytest.mark.parametrize("word", NOUNS)
def test_a_word_is_a_command_with_all_that_is_said_to_be_under_it(word: str) -> None:
    command = typer.main.get_command(app).commands[word]  # type: ignore[attr-defined]
    assert command.name == word
    assert command.get_short_help_str()
    assert NOUNS[word].under.keys() <= getattr(command, "commands", {}).keys()


def test_an_unknown_word_is_none() -> None:
    assert "no-such-noun" not in typer.main.get_command(app).commands  # type: ignore[attr-defined]


def test_a_command_loads_no_other_noun() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {lives.module for lives in NOUNS.values()} == {"status"}, "version lives there"
