"""A run is begun in the name of who asked for it, over REST or on the console: what it will lack is told with it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from datacenter_api.acceptance.ahead import preview_of, preview_of_racks
from datacenter_api.acceptance.shown import BegunRun
from datacenter_api.auth.doorkeeper import Principal
from datacenter_api.fleet.places import layout_of
from datacenter_api.fleet.queries import ReadingRow, readings
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.errors import ArgumentsInvalid, BusUnavailable
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.acceptance.engine import LEAST_TOGETHER
from rack_controller.acceptance.preview import RackLacks, RunPreview
from rack_controller.acceptance.progress import PATIENCE_S
from rack_controller.prove.accept.plan import Level
from rack_controller.prove.accept.untold import Untold

ONE_RACK, GIVE = "a run is of one rack", "give `rack` for one that runs, `generation` for virtual"


@dataclass(frozen=True, slots=True)
class Sought:
    """Racks of one generation that run: what is read of each now, and which of its shelves and supplies the product can
    switch, by its place, in the order of asking."""

    generation: str
    rows: dict[str, list[ReadingRow]]
    switched: dict[str, frozenset[str]]


def seek(parts: Services, racks: Sequence[str]) -> Sought:
    """Return racks that are to be accepted together, by their names or places.

    Raises TargetUnknown for a rack that nobody knows, BusUnavailable for one that does not run, ArgumentsInvalid for
    one that is named twice, for one alone, and for racks of different generations.
    """
    records = [parts.fleet.find(rack) for rack in racks]
    tokens = [record.token for record in records]
    twice = sorted({token for token in tokens if tokens.count(token) > 1})
    if twice:
        raise ArgumentsInvalid(f"{', '.join(twice)} is named twice", advice="name each rack once")
    if len(records) < LEAST_TOGETHER:
        raise ArgumentsInvalid(f"{', '.join(tokens) or 'no rack'} is not several", advice="name two racks or more")
    silent = [record.token for record in records if not record.live(parts.now())]
    if silent:
        raise BusUnavailable(f"{', '.join(silent)} does not run: its controller says nothing", advice="start it first")
    layouts = [layout_of(record) for record in records]
    designs = {record.token: layout.generation for record, layout in zip(records, layouts, strict=True)}
    if len(set(designs.values())) > 1:
        said = ", ".join(f"{token} is a {design}" for token, design in designs.items())
        raise ArgumentsInvalid(f"racks together are of one generation: {said}", advice="accept each design by itself")
    rows = {
        str(layout.rack): readings(parts.fleet.view(record, parts.now()))
        for record, layout in zip(records, layouts, strict=True)
    }
    switched = {str(layout.rack): switched_at(record) for record, layout in zip(records, layouts, strict=True)}
    return Sought(layouts[0].generation, rows, switched)


def switched_at(record: RackRecord) -> frozenset[str]:
    """Return the shelves and supplies of a rack that the product can switch, by their places below it."""
    trays = {e.place: tray for tray in layout_of(record).trays for e in tray.endpoints}
    found = ((trays[e.place], e.outputs) for e in record.endpoints if e.place in trays)
    shelves = ((leaf_of(Place(t.place)), outputs) for t, outputs in found if t.kind == TrayKind.POWER_SHELF)
    return frozenset(f"{shelf}/{supply}".rstrip("/") for shelf, outputs in shelves for supply in outputs)


def level_of(asked: Level | None, count: int) -> str:
    """Return the level of a run of so many racks: as asked, else L12 of several and L11 of one.

    Raises ArgumentsInvalid for a level that takes another count of racks.
    """
    several = count >= LEAST_TOGETHER
    level = asked or (Level.L12 if several else Level.L11)
    if several != (level is Level.L12) and count:
        takes = "racks together" if level is Level.L12 else "each rack by itself"
        raise ArgumentsInvalid(f"{level.value} takes {takes}", advice="two racks or more at L12, one at L10 or L11")
    return level.value


async def look_before(
    parts: Services, racks: Sequence[str], level: Level | None = None, plan: str = "", plan_text: str = ""
) -> RunPreview:
    """Return what a run of one rack that runs, or of several together, would do and lacks, and which run has it now.

    Raises what `seek`, `level_of` and the desk raise, TargetUnknown for a rack that nobody knows.
    """
    state, chosen = parts.acceptance.open().state, level_of(level, len(racks))
    if len(racks) >= LEAST_TOGETHER:
        sought = seek(parts, racks)
        found = await asyncio.to_thread(
            preview_of_racks, state, sought.generation, sought.rows, plan, plan_text, sought.switched
        )
        return _with_latches(found, [parts.fleet.find(rack) for rack in racks])
    record = parts.fleet.find(racks[0])
    layout, told = layout_of(record), readings(parts.fleet.view(record, parts.now()))
    look = partial(preview_of, state, plan=plan, plan_text=plan_text, switched=switched_at(record))
    found = await asyncio.to_thread(look, layout.generation, chosen, rack=str(layout.rack), rows=told)
    return _with_latches(found, [record])


def _with_latches(found: RunPreview, records: Sequence[RackRecord]) -> RunPreview:
    """Return a preview with the latches that stand at its racks: what they keep off is judged as gone, or as broken."""
    stand = [
        f"{record.token}: latch {trip.latch} stands at {leaf_of(Place(trip.place))} ({trip.title})"
        for record in records
        for trip in (record.interlocks.tripped if record.interlocks is not None else [])
        if trip.latch and trip.blocks
    ]
    return msgspec.structs.replace(found, latched=stand)


async def begin_run_as(
    parts: Services,
    who: Principal,
    *,
    rack: str = "",
    racks: Sequence[str] = (),
    generation: str = "",
    level: Level | None = None,
    plan: str = "",
    plan_text: str = "",
    patience_s: float = PATIENCE_S,
    seed: int = 1,
    planted: str = "",
) -> BegunRun:
    """Begin a run of `rack`, which runs, or of `racks` together, else of a virtual one of `generation`; it works with a
    login of `who`.

    Raises what the desk raises for what cannot be met, what `seek` and `level_of` raise, TargetUnknown for a rack that
    nobody knows.
    """
    place, token = "", ""
    places: list[str] = []
    untold: list[Untold] = []
    lacks: list[RackLacks] = []
    desk = parts.acceptance.open()
    if racks:
        sought = seek(parts, racks)
        generation, places = sought.generation, list(sought.rows)
        chosen = level_of(level, len(places))
        looked = await asyncio.to_thread(preview_of_racks, desk.state, generation, sought.rows, plan, plan_text)
        untold, lacks = looked.untold, looked.racks
        token = parts.acceptance.login(who.user)
    elif rack:
        record = parts.fleet.find(rack)
        layout = layout_of(record)
        generation, place = layout.generation, str(layout.rack)
        chosen = level_of(level, 1)
        told = readings(parts.fleet.view(record, parts.now()))
        looked = await asyncio.to_thread(preview_of, desk.state, generation, chosen, plan, place, told, plan_text)
        untold = looked.untold
        token = parts.acceptance.login(who.user)
    else:
        chosen = level_of(level, 0)
    begin = partial(
        desk.begin, rack=place, racks=places, seed=seed, planted=planted, token=token, plan=plan, plan_text=plan_text,
        patience_s=patience_s,
    )  # fmt: skip
    async with parts.acceptance.turn:
        row = await asyncio.to_thread(begin, generation, chosen, who.user)
    named = " ".join(row.together.values()) or row.rack
    about = ", ".join(filter(None, (named, row.level, row.rig, plan or (plan_text and "a plan of its own"))))
    parts.store.audit(who.user, who.address, "acceptance run", row.id, "begun", about)
    return BegunRun(**msgspec.structs.asdict(row), untold=untold, racks=lacks)
