"""An acceptance of one rack that runs, kept in a state directory: gone on with where its record ends."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.begin import PLAN, TRACE, kept_file
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.doers import ControllerRestarts, EmulatorDoes, PeopleDo, ProductDoes
from rack_controller.acceptance.drive import planned_seconds
from rack_controller.acceptance.emulated import EmulatedHands
from rack_controller.acceptance.emulated_floor import EmulatedInstruments
from rack_controller.acceptance.floor import FLOOR, Noted, noted, read_checks, records_of
from rack_controller.acceptance.floor_hand import FloorHand
from rack_controller.acceptance.floor_log import FloorLogs, Used
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.live import Doer, LiveRig, Now, live_parts
from rack_controller.acceptance.plans import plan_path, read_plan
from rack_controller.acceptance.product import Link, ProductOverApi
from rack_controller.acceptance.progress import PATIENCE_S, answers_of, asked_of
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.run import FLOOR_USED, FOLDER, RunFolder, Told, go_on
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.virtual.batch import recorded_load
from rack_controller.acceptance.watch import NS, FolderWatch
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import Level
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys


def resume_live(
    folder: RunFolder,
    state: Path,
    link: Link,
    told: Told,
    ask: Callable[[str], None] = lambda text: None,
) -> RunRecord:
    """Go on with a live run; what a predecessor left undone is undone first.

    `ask` is told what people are to do, beside the run's folder.
    Raises what `link` raises while the product is away: nothing is lost, and the run is gone on with later.
    """
    record = folder.read()
    plan, digest = read_plan(kept_file(folder.path, PLAN) or plan_path(record.generation))
    if digest != record.plan_sha256:
        raise ConfigurationError("the plan was changed since the run began", advice="begin a new run")
    generation = load_generation(record.generation)
    parts = live_parts(generation)
    seconds = {s.id: planned_seconds(s, parts) for s in plan.upto(Level(record.level))}
    watch = FolderWatch(folder.path, seconds)
    asked = asked_of(folder.path)
    hands = EmulatedHands.at(state, record.rack)
    patience_s = PATIENCE_S if asked is None else asked.patience_s
    rig, floor = _rig(record, folder, state, link, parts, watch, ask, patience_s, hands)
    rig.act(Act("rest"))
    record = go_on(record, folder, plan, rig, parts, told, watch)
    _keep_floor(folder, state, record.rack, list(floor.used.values()))
    (evidence,) = rig.collect(())
    facts = {place: dict(said) for place, said in evidence.facts.items()}
    folder.finish(record, facts, SigningKeys(state / KEYS).signer())
    if hands is not None:
        hands.leave()
    return record


def _rig(
    record: RunRecord,
    folder: RunFolder,
    state: Path,
    link: Link,
    parts: Parts,
    watch: FolderWatch,
    ask: Callable[[str], None],
    patience_s: float,
    hands: EmulatedHands | None,
) -> tuple[LiveRig, FloorHand]:
    now = Now(time.sleep, lambda: (time.time_ns() - record.began_unix_ns) / NS)
    product = ProductOverApi(link, record.rack, record.rack, watch.waits, part_of=Names(parts).part_of)
    doers: list[Doer] = []

    def said(since_s: float) -> bool:
        since = record.began_unix_ns + int(since_s * NS)
        return any(a.done and a.step == watch.step and a.at_unix_ns >= since for a in answers_of(folder.path))

    logs, checks = state / FOLDER / FLOOR, read_checks()
    instruments = None
    if hands is not None:
        instruments = EmulatedInstruments(hands, checks.instruments, logs, record.began_unix_ns)
    floor = FloorHand(
        lambda: records_of(state, record.rack),
        FloorLogs(logs, record.rack),
        checks,
        parts,
        watch,
        record.began_unix_ns,
        now.clock,
        now.sleep,
        said,
        ask,
        patience_s,
        instruments=instruments,
    )
    rig = LiveRig(
        record.rack,
        parts,
        product,
        doers,
        now,
        book=UndoBook(folder.path),
        watch=watch,
        trace=recorded_load(kept_file(folder.path, TRACE)),
        floor=floor,
    )
    doers.append(ProductDoes(product, parts, rig.tell))
    if hands is not None:
        doers.append(EmulatorDoes(hands, parts))
    doers.append(ControllerRestarts(state))
    doers.append(PeopleDo(product, parts, now, watch, ask, said, patience_s))
    return rig, floor


class FloorUsed(msgspec.Struct, frozen=True):
    """What a run took of the floor: the records as they were at its end, and what instruments logged."""

    records: list[Noted]
    logs: list[Used]


def _keep_floor(folder: RunFolder, state: Path, rack: str, logs: list[Used]) -> None:
    """Keep with the run what it took of the floor; what a predecessor took before a crash stays."""
    path = folder.path / FLOOR_USED
    try:
        before = msgspec.json.decode(path.read_bytes(), type=FloorUsed).logs
    except FileNotFoundError:
        before = []
    records = noted(state, rack)
    if records or logs or before:
        keep(path, msgspec.json.format(msgspec.json.encode(FloorUsed(records, [*before, *logs]))))
