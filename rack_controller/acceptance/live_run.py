"""An acceptance of racks that run, one by itself or several together: gone on with where its record ends."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec

from firmware_bridge.vocabulary.errors import RackwrightError
from rack_controller.acceptance.begin import TRACE, kept_file, kept_plan
from rack_controller.acceptance.called import Names
from rack_controller.acceptance.came_before import came_before
from rack_controller.acceptance.designs import design_of_run, gone_on_with
from rack_controller.acceptance.doers import ControllerRestarts, EmulatorDoes, PeopleDo, ProductDoes
from rack_controller.acceptance.drive import AWAY, places_of, planned_seconds
from rack_controller.acceptance.emulated import EmulatedHands
from rack_controller.acceptance.emulated_floor import EmulatedInstruments
from rack_controller.acceptance.ending import keep_facts, seal_up
from rack_controller.acceptance.floor import FLOOR, Noted, noted, read_checks, records_of
from rack_controller.acceptance.floor_hand import FloorHand
from rack_controller.acceptance.floor_log import FloorLogs, Used
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.live import Doer, LiveRig, Now, live_parts
from rack_controller.acceptance.pace import done_in
from rack_controller.acceptance.product import Link, ProductOverApi
from rack_controller.acceptance.progress import PATIENCE_S, answers_of, asked_of
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.rig import Act, Rig
from rack_controller.acceptance.run import FLOOR_USED, FOLDER, Keeps, RunFolder, Told, go_on_together
from rack_controller.acceptance.together import LiveRacks
from rack_controller.acceptance.took_before import took_before
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.virtual.batch import recorded_load
from rack_controller.acceptance.waiting import Waiting
from rack_controller.acceptance.watch import NS, FolderWatch, Watch
from rack_controller.acceptance.watch_together import TogetherWatch
from rack_controller.prove.accept.parts import Parts
from rack_controller.prove.accept.plan import Level, Plan
from rack_controller.prove.accept.verdict import Outcome


def resume_live(
    folder: RunFolder,
    state: Path,
    link: Link,
    told: Told,
    ask: Callable[[str], None] = lambda text: None,
) -> RunRecord:
    """Go on with a live run of one rack; what a predecessor left undone is undone first.

    `ask` is told what people are to do, beside the run's folder.
    Raises what `link` raises while the product is away: nothing is lost, and the run is gone on with later.
    """
    record = folder.read()
    design = design_of_run(record, state)
    record, plan, parts = gone_on_with(record, design), kept_plan(folder.path, record), live_parts(design)
    watch = watch_of(folder, state, plan, record, parts)
    bench = _bench(record, folder, state, link, plan, parts, watch, watch, ask)
    keeps = _keeps([bench], state)
    (record,) = _at_rest([record], [folder], plan, bench.rig, watch, keeps)
    (record,) = go_on_together([record], [folder], plan, bench.rig, parts, told, watch, keeps=keeps)
    _end(bench, state)
    return record


def resume_together(
    folders: Sequence[RunFolder],
    state: Path,
    link: Callable[[], Link],
    told: Told,
    ask: Callable[[str], None] = lambda text: None,
) -> list[RunRecord]:
    """Go on with a run of racks together, a folder each; as `resume_live`, with a `link` to the product for each rack.

    A step begins only where each rack has passed the same plan up to L11 by itself.
    """
    records = [folder.read() for folder in folders]
    design = design_of_run(records[0], state)
    done = min(len(record.steps) for record in records)
    records = [gone_on_with(record, design, done) for record in records]
    first = records[0]
    plan, parts = kept_plan(folders[0].path, first), live_parts(design)
    own = {r.rack: watch_of(folder, state, plan, r, parts) for r, folder in zip(records, folders, strict=True)}
    watch = TogetherWatch(own)
    before = [came_before(state, record.rack, record.generation, plan, record.plan_sha256) for record in records]
    records = [msgspec.structs.replace(r, before=b.run) for r, b in zip(records, before, strict=True)]
    links = [link() for _ in records]
    benches = [
        _bench(record, folder, state, at, plan, parts, watch.of(record.rack), own[record.rack], ask)
        for record, folder, at in zip(records, folders, links, strict=True)
    ]
    domains = {record.rack: _domain(at, record.rack) for record, at in zip(records, links, strict=True)}
    rig = LiveRacks([bench.rig for bench in benches], benches[0].now, watch, domains)
    keeps = _keeps(benches, state)
    records = _at_rest(records, folders, plan, rig, watch, keeps)
    passed, unmet = [b.steps for b in before], [b.why for b in before]
    records = go_on_together(records, folders, plan, rig, parts, told, watch, passed, unmet, keeps)
    for bench in benches:
        _end(bench, state)
    return records


def _at_rest(
    records: list[RunRecord], folders: Sequence[RunFolder], plan: Plan, rig: Rig, watch: Watch, keeps: Keeps
) -> list[RunRecord]:
    """Have what a predecessor left undone; return the records, which are stopped where that ends the run.

    It is told and answered under the name of the step that comes next.  What cannot be undone is raised, and tried
    again by whoever goes on with the run; one that is to end says what is left and ends.
    """
    steps = plan.upto(Level(records[0].level), together=len(records) > 1)
    done = min(len(r.steps) for r in records)
    watch.begin(steps[min(done, len(steps) - 1)])
    try:
        rig.act(Act("rest"))
    except AWAY:
        raise
    except RackwrightError as err:
        if not (wanted := watch.stop()):
            raise
        why = f"{wanted}; the rack is not back at rest: {err}"
        records = [msgspec.structs.replace(r, outcome=Outcome.STOPPED, why=why) for r in records]
        keeps(records)
        for record, folder in zip(records, folders, strict=True):
            folder.write(record)
    finally:
        watch.end()
    return records


@dataclass(frozen=True, slots=True)
class _Bench:
    """One rack under test with all that works on it."""

    folder: RunFolder
    rig: LiveRig
    floor: FloorHand
    hands: EmulatedHands | None
    now: Now
    used_before: list[Used]


def watch_of(folder: RunFolder, state: Path, plan: Plan, record: RunRecord, parts: Parts) -> FolderWatch:
    """Return who looks on at a run: it tells times by the same earlier runs as the preview of its racks."""
    steps = plan.upto(Level(record.level), together=bool(record.together))
    seconds = {s.id: planned_seconds(s, parts) for s in steps}
    done, racks = {s.id: done_in(s) for s in steps}, list(record.together.values()) or [record.rack]
    took = took_before(state, record.generation, done, racks, [record.id, *record.together])
    places = {(s.id, p.name): places_of(p, parts) for s in steps for p in s.phases if p.each is not None}
    return FolderWatch(folder.path, seconds, took=took, places=places)


def _domain(link: Link, rack: str) -> str:
    """Return the id of a rack's NVLink domain that spans racks, empty where it has none."""
    domains = link.get(f"/api/v1/racks/{quote(rack)}/layout")["domains"]
    return next((str(d["id"]) for d in domains if d["racks"] > 1), "")


def _keeps(benches: Sequence[_Bench], state: Path) -> Keeps:
    """Return what keeps, before a step's record is kept, what was taken of the floor and what racks said."""

    def keeps(records: Sequence[RunRecord]) -> None:
        for record, bench in zip(records, benches, strict=True):
            _keep_floor(bench, state, record.rack)
            (evidence,) = bench.rig.collect(())
            keep_facts(bench.folder.path, evidence.facts)

    return keeps


def _end(bench: _Bench, state: Path) -> None:
    """Seal a run, and let go of its rack."""
    seal_up(bench.folder, state)
    if bench.hands is not None:
        bench.hands.leave()


def _bench(
    record: RunRecord,
    folder: RunFolder,
    state: Path,
    link: Link,
    plan: Plan,
    parts: Parts,
    watch: Watch,
    own: FolderWatch,
    ask: Callable[[str], None],
) -> _Bench:
    """Return a rack with all that works on it; `watch` is told, `own` knows its folder's step."""
    now = Now(time.sleep, lambda: (time.time_ns() - record.began_unix_ns) / NS)
    waiting = Waiting(now.sleep, now.clock, watch, lambda: rig.look_out())
    patient = Now(waiting.sleep, now.clock)
    product = ProductOverApi(
        link,
        record.rack,
        record.rack,
        watch.waits,
        waiting.sleep,
        part_of=Names(parts).part_of,
        ended=watch.stop,
    )
    asked, hands = asked_of(folder.path), EmulatedHands.at(state, record.rack)
    patience_s = PATIENCE_S if asked is None else asked.patience_s
    doers: list[Doer] = []

    def said(since_s: float) -> bool:
        since = record.began_unix_ns + int(since_s * NS)
        return any(a.done and a.step == own.step and a.at_unix_ns >= since for a in answers_of(folder.path))

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
        patient.clock,
        patient.sleep,
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
        plan=plan,
    )
    doers.append(ProductDoes(product, parts, rig.tell))
    if hands is not None:
        doers.append(EmulatorDoes(hands, parts))
    doers.append(ControllerRestarts(state))
    doers.append(PeopleDo(product, parts, patient, watch, ask, said, patience_s))
    return _Bench(folder, rig, floor, hands, now, _used_before(folder))


class FloorUsed(msgspec.Struct, frozen=True):
    """What a run took of the floor: the records as they were at its end, and what instruments logged."""

    records: list[Noted]
    logs: list[Used]


def _used_before(folder: RunFolder) -> list[Used]:
    """Return what a predecessor took of the floor before a crash."""
    try:
        return msgspec.json.decode((folder.path / FLOOR_USED).read_bytes(), type=FloorUsed).logs
    except FileNotFoundError:
        return []


def _keep_floor(bench: _Bench, state: Path, rack: str) -> None:
    """Keep with the run what it took of the floor; what a predecessor took stays."""
    records, logs = noted(state, rack), [*bench.used_before, *bench.floor.used.values()]
    if records or logs:
        keep(bench.folder.path / FLOOR_USED, msgspec.json.format(msgspec.json.encode(FloorUsed(records, logs))))
