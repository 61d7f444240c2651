"""Several targets of a command, rack by rack: racks, trays by name, whole NVLink domains; planned, run and watched."""

from collections.abc import Callable
from dataclasses import dataclass

import typer

from datacenter_api.cli.connection import Connection, quoted
from datacenter_api.cli.op import FAILED, command, find, follow, refuse_nameless, short, tell_plan
from datacenter_api.cli.output import Output, Row, answer, emit, note
from datacenter_api.cli.rack import rack_holding
from datacenter_api.cli.tray_power import confirm
from firmware_bridge.vocabulary.errors import RackwrightError, TargetUnknown
from firmware_bridge.vocabulary.place import RACK_PARTS, TRAY_PARTS

DOMAIN = "domain:"


@dataclass(frozen=True, slots=True)
class Meant:
    """What is meant of one rack: `target` as it goes to its controller, and some of its slots, none for all of it."""

    rack: str
    target: str
    slots: tuple[str, ...] = ()


def racks_meant(link: Connection, targets: list[str], rack: str | None) -> list[Meant]:
    """Return what the targets mean: `k01`, `u12`, `k01/u12`, a place in full, or `domain:NAME`.

    A rack that is named as a whole is meant as a whole.  Raises TargetUnknown, or ConfigurationError where several
    racks could be meant.
    """
    slots: dict[str, set[str]] = {}
    whole: set[str] = set()
    for target in targets:
        if target.startswith(DOMAIN):
            for place in _trays_of(link, target.removeprefix(DOMAIN)):
                slots.setdefault("/".join(place.split("/")[:RACK_PARTS]), set()).add(place.split("/")[RACK_PARTS])
            continue
        place = _in_full(link, target, rack)
        held = "/".join(place.split("/")[:RACK_PARTS])
        parts = place.split("/")[RACK_PARTS:]
        if not parts:
            whole.add(held)
        slots.setdefault(held, set()).update(parts[: TRAY_PARTS - RACK_PARTS])
    return [_meant(held, () if held in whole else tuple(sorted(named))) for held, named in slots.items()]


def carry_out_many(
    link: Connection,
    meant: list[Meant],
    plan: Callable[[Meant], Row],
    name: str,
    how: tuple[bool, bool, bool, bool],
    shape: Output,
    preview: str,
) -> None:
    """Plan for every rack, show all plans, have them confirmed once by `name`, approve and follow them.

    All are planned or none is kept.  `how` as for one.  Raises typer.Exit with the worst end of them.
    """
    dry_run, only_plan, yes, detach = how
    refuse_nameless(shape, dry_run=dry_run)
    made = _all_planned(link, meant, plan)
    if not shape.is_table:
        emit([row for _, row in made], (), shape, name="operation")
    for one, row in made if shape.is_table else ():
        answer(f"{short(one.rack)}:")
        tell_plan(row["plan"])
    if dry_run:
        return
    names = {str(row["operation"]): one for one, row in made}
    if only_plan:
        for kept in names:
            answer(f"kept as {kept}: `rackwright op approve {kept}` runs it", shape)
        return
    if not yes:
        confirm(name, f"{', '.join(names)}: {preview}; kept as planned until they are approved")
    nothing = {str(row["operation"]) for _, row in made if not row["plan"]["stages"]}
    running, code = [], 0
    for kept, one in names.items():
        try:
            command(link, one.rack, "cancel" if kept in nothing else "approve", one.rack, operation=kept)
        except RackwrightError as err:
            note(f"{kept} is not approved: {err.what}")
            code = FAILED
        else:
            running += [] if kept in nothing else [kept]
    if detach:
        answer(f"running as {', '.join(running)}: `rackwright op watch` shows each", shape)
        raise typer.Exit(code)
    raise typer.Exit(max([code, *(follow(link, find(link, kept, None), shape) for kept in running)]))


def _all_planned(link: Connection, meant: list[Meant], plan: Callable[[Meant], Row]) -> list[tuple[Meant, Row]]:
    made: list[tuple[Meant, Row]] = []
    try:
        for one in meant:
            row = plan(one)
            made.append((one, row))
    except RackwrightError:
        for one, row in made:
            if row["operation"]:
                command(link, one.rack, "cancel", one.rack, operation=str(row["operation"]))
        raise
    return made


def _meant(rack: str, slots: tuple[str, ...]) -> Meant:
    return Meant(rack, f"{rack}/{slots[0]}") if len(slots) == 1 else Meant(rack, rack, slots)


def _in_full(link: Connection, target: str, rack: str | None) -> str:
    """Return the place in full of what may begin at the rack or the slot."""
    holding = rack_holding(link, target, rack)
    place = str(link.get(f"/api/v1/racks/{quoted(holding)}")["rack"])
    parts = target.split("/")
    if len(parts) >= RACK_PARTS:
        return target
    below = parts[1:] if parts[0] == place.rpartition("/")[2] else parts
    return "/".join([place, *below])


def _trays_of(link: Connection, domain: str) -> list[str]:
    shown = link.get(f"/api/v1/domains/{quoted(domain)}")
    trays = [str(tray) for rack in shown["racks"] for tray in rack["trays"]]
    if not trays:
        raise TargetUnknown(f"domain {domain!r} has no trays", advice="see `rackwright domain list`")
    return trays
