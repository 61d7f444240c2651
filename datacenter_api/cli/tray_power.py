"""`rackwright tray power` and `tray boot`: look at one tray's power and boot source, and change them once confirmed."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from datacenter_api.cli.connection import Connection, connect
from datacenter_api.cli.options import As, Json, RackName, State, Url, chosen
from datacenter_api.cli.output import Column, Output, Row, emit, note
from datacenter_api.cli.rack import rack_holding, send
from firmware_bridge.vocabulary.errors import ConfigurationError, PreconditionFailed
from firmware_bridge.vocabulary.power import BootFor, PowerAction


class Wish(StrEnum):
    """What a tray's power can be told at the command line."""

    ON = "on"
    OFF = "off"
    FORCE_OFF = "force-off"
    RESTART = "restart"
    FORCE_RESTART = "force-restart"
    AUX_OFF = "aux-off"
    AUX_CYCLE = "aux-cycle"


ACTIONS = {
    Wish.ON: PowerAction.ON,
    Wish.OFF: PowerAction.GRACEFUL_OFF,
    Wish.FORCE_OFF: PowerAction.FORCE_OFF,
    Wish.RESTART: PowerAction.GRACEFUL_RESTART,
    Wish.FORCE_RESTART: PowerAction.FORCE_RESTART,
    Wish.AUX_OFF: PowerAction.AUX_OFF,
    Wish.AUX_CYCLE: PowerAction.AUX_CYCLE,
}
_WORDS = {action: wish for wish, action in ACTIONS.items()}
_HARMLESS = frozenset((Wish.ON,))
"""What is not asked for twice: it takes nothing away from anybody."""
PlaceHere = Annotated[str, typer.Argument(help="Tray, in full or from the slot on (u12).")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask: the name of the tray need not be typed.")]

_POWER = (
    Column("TRAY", lambda p: _slot(str(p["place"]))),
    Column("POWER", lambda p: str(p["state"])),
    Column("DEPTH", lambda p: "–" if p["depth"] == "none" else str(p["depth"])),
    Column("OFFERS", lambda p: ", ".join(_WORDS[a] for a in PowerAction if a in p["actions"]) or "–"),
    Column("BOOT", lambda p: _boot(p["boot"])),
    Column("HOST UP SINCE", lambda p: str(p["boot_marker"] or "–"), wide=True),
    Column("CONTROLLER UP SINCE", lambda p: str(p["controller_marker"] or "–"), wide=True),
)


def power_tray(
    place: PlaceHere,
    action: Annotated[Wish | None, typer.Argument(help="Left out: only look. off and restart ask the host.")] = None,
    yes: Yes = False,
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show how a tray's power stands, or ask for one action.  What takes power away is confirmed by the tray's name."""
    link, shape = connect(url, state), chosen(output, as_json)
    found = look(link, place, rack)
    if action is None:
        emit([found], _POWER, shape, single=True)
        return
    tray = str(found["place"])
    if action not in _HARMLESS and not yes:
        confirm(_slot(tray), f"{tray}: the host is {found['state']}; asked for: {action}")
    send(link, rack_holding(link, tray, rack), "power", tray, {"action": str(ACTIONS[action])}, shape)


def boot_tray(
    place: PlaceHere,
    source: Annotated[
        str, typer.Argument(metavar="[SOURCE]", help="As the device names it: Pxe, Hdd, …; left out: only look.")
    ] = "",
    for_how_long: Annotated[BootFor, typer.Option("--for", help="How long it holds.")] = BootFor.ONCE,
    mode: Annotated[str, typer.Option(help="UEFI or Legacy, where the device tells them apart.")] = "",
    rack: RackName = None,
    url: Url = None,
    state: State = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Show or set what a tray's host boots from next; `--for disabled` takes an override back."""
    link, shape = connect(url, state), chosen(output, as_json)
    found = look(link, place, rack)
    if not source and for_how_long is not BootFor.DISABLED:
        columns = (_POWER[0], _POWER[4], Column("TAKES", lambda p: ", ".join((p["boot"] or {}).get("targets", []))))
        emit([found], columns, shape, single=True)
        return
    given = {"source": source, "span": str(for_how_long), "mode": mode}
    wish: dict[str, str | bool] = {name: value for name, value in given.items() if value}
    send(link, rack_holding(link, str(found["place"]), rack), "boot", str(found["place"]), wish, shape)


def look(link: Connection, place: str, rack: str | None) -> Row:
    """Return how a tray's power stands now, as its controller says it."""
    holds = rack_holding(link, place, rack)
    found: Row = link.get("/api/v1/trays/power", place=place, rack=holds)
    return found


def confirm(name: str, preview: str) -> None:
    """Show what would be done and return once its name was typed.  Raises when nobody is there, or it was not."""
    note(preview)
    if not sys.stdin.isatty():
        raise ConfigurationError("nobody is here to confirm it", advice="give --yes")
    if typer.prompt(f"Type {name} to go on", default="", show_default=False, err=True) != name:
        raise PreconditionFailed("it was not confirmed", advice="nothing was asked for")


def _slot(place: str) -> str:
    return place.rsplit("/", 1)[1]


def _boot(boot: Row | None) -> str:
    if boot is None:
        return "–"
    return "as set up" if boot["span"] == BootFor.DISABLED else f"{boot['target']} ({boot['span']})"
