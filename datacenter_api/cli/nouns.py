"""Every noun and every verb that stands alone, and where it lives.  Each is loaded when somebody asks for it.

To load all of them takes three times as long as what most commands do.
"""

import functools
import importlib
from collections import UserDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import typer
from typer.core import TyperGroup

PLAIN: Mapping[str, Any] = {"pretty_exceptions_enable": False, "rich_markup_mode": None}
"""How help is written, of the program and of each noun."""


@dataclass(frozen=True, slots=True)
class Lives:
    """Where a word's app or function is: `name` in a module of this package.

    `under`: words of other modules that belong to a noun.  `settings`: the name, in the same module, of what a verb
    wants of its context; `has_help` False: it answers `--help` itself.
    """

    module: str
    name: str = "app"
    under: Mapping[str, "Lives"] = field(default_factory=dict)
    settings: str = ""
    has_help: bool = True


NOUNS: Mapping[str, Lives] = {
    "up": Lives("up", "up"),
    "status": Lives("status", "show_status"),
    "rack": Lives("rack"),
    "domain": Lives("domain"),
    "endpoint": Lives(
        "endpoint",
        under={
            "check": Lives("endpoint_check", "check"),
            "rotate": Lives("endpoint_trust", "rotate"),
            "reload": Lives("endpoint_trust", "reload"),
            "repin": Lives("endpoint_trust", "repin"),
            "quiet": Lives("endpoint_quiet", "quiet"),
            "restart": Lives("endpoint_restart", "restart"),
        },
    ),
    "swap": Lives("swap"),
    "op": Lives("op"),
    "interlock": Lives("interlock"),
    "bypass": Lives("bypass"),
    "building": Lives("building"),
    "lock": Lives("lock"),
    "alarm": Lives("alarm"),
    "power": Lives(
        "power",
        under={
            "budget": Lives("power_budget", "budget"),
            "why": Lives("power_budget", "why"),
            "cap": Lives("power_budget", "cap"),
            "what-if": Lives("power_budget", "what_if", settings="NUMBERS"),
            "policy": Lives("power_policy"),
            "job": Lives("power_policy", "jobs"),
            "layer": Lives("power_layer"),
        },
    ),
    "firmware": Lives("firmware"),
    "limit": Lives("limit"),
    "coolant": Lives("coolant"),
    "passport": Lives("passport"),
    "option": Lives("option"),
    "shelf": Lives("shelf"),
    "psu": Lives("psu"),
    "sensor": Lives("sensor"),
    "event": Lives("event"),
    "console": Lives("console"),
    "tray": Lives("tray"),
    "policy": Lives("policy"),
    "credential": Lives("credential"),
    "account": Lives("account"),
    "audit": Lives("audit"),
    "certificate": Lives("certificate"),
    "subscription": Lives("subscription"),
    "accept": Lives("accept", under={"floor": Lives("accept_floor")}),
    "evaluate": Lives("evaluate"),
    "bench": Lives("bench"),
    "discover": Lives("discover", "find"),
    "enrol": Lives("enrol", "enrol"),
    "emergency-off": Lives("emergency", "emergency_off"),
    "locate": Lives("tray", "locate"),
    "rescan": Lives("rescan", "rescan"),
    "login": Lives("login", "log_in"),
    "logout": Lives("login", "log_out"),
    "emulate": Lives("processes", "emulate", settings="PASS_ON", has_help=False),
    "control": Lives("processes", "control", settings="PASS_ON", has_help=False),
    "serve": Lives("processes", "serve"),
    "agent": Lives("processes", "agent", settings="PASS_ON", has_help=False),
    "verify": Lives("verify", "verify"),
    "doctor": Lives("doctor", "examine"),
    "version": Lives("status", "show_version"),
}


class Nouns(TyperGroup):
    """The program's commands, none of which is loaded before it is asked for."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands(dict.fromkeys(NOUNS))

    def list_commands(self, ctx: Any) -> list[str]:
        """Return every word; completing one loads only those that begin like it."""
        return list(self.commands)


class _Commands(UserDict[str, Any]):
    """Commands by word: its keys are known, its values are loaded."""

    def __getitem__(self, word: str) -> Any:
        return _command(word)


@functools.cache
def _command(word: str) -> Any:
    """Return the command of a word, with all that is under it.  Raises KeyError."""
    alone = typer.Typer(**PLAIN)
    _put(alone, word, NOUNS[word])
    return typer.main.get_group(alone).commands[word]


def _put(app: typer.Typer, word: str, lives: Lives) -> None:
    module = importlib.import_module(f"{__package__}.{lives.module}")
    found = getattr(module, lives.name)
    if isinstance(found, typer.Typer):
        for more, where in lives.under.items():
            _put(found, more, where)
        app.add_typer(found, name=word)
        return
    settings = getattr(module, lives.settings) if lives.settings else None
    app.command(word, context_settings=settings, add_help_option=lives.has_help)(found)
