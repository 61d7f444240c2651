"""Events that stay the alarm of their tray until what they tell of is over.  Pure.

Unknown is never well: an alarm ends by a new start of the host, or after the GPU was read without a fault for a while.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, code_of
from firmware_bridge.wire.alarms import AlarmRules
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.lasting import LastingEvent
from rack_controller.model.snapshot import ManagementAxis, Snapshot

MOST_PER_TRAY = 16
MOST_TEXT = 200
_ACCESS_OK = code_of(Quantity.GPU_ACCESS, "ok")
_NO_RECOVERY = code_of(Quantity.RECOVERY_ACTION, "none")
_OFF = code_of(Quantity.POWER_STATE, "off")


class Standing(msgspec.Struct, frozen=True):
    """One alarm that stands.  `well_since` (monotonic): all has been well since then; None: it is not, or not known."""

    alarm: LastingEvent
    well_since: float | None = None


Alarms = Mapping[str, Standing]
"""By what tells one alarm from another: its place, kind and number."""


def follow_alarms(
    standing: Alarms, findings: Iterable[Finding], after: Snapshot, rules: AlarmRules, systems: Mapping[Place, Place]
) -> tuple[dict[str, Standing], list[Finding]]:
    """Return the alarms that stand now, and what is to be told of those that are over.

    `findings` are this second's, in their order.  `systems` is, by tray, the endpoint that answers only while the
    tray's own host runs.
    """
    still, told = dict(standing), list[Finding]()
    for finding in findings:
        if finding.kind in rules.over.events:
            told += _end(
                still,
                [k for k, s in still.items() if tray_of(Place(s.alarm.place)) == tray_of(finding.place)],
                "its host starts anew",
            )
        elif _raises(finding, rules):
            _raise(still, finding, after.unix_ns)
    off = [k for k, s in still.items() if _reads(after, tray_of(Place(s.alarm.place)), Quantity.POWER_STATE, _OFF)]
    told += _end(still, off, "its host is off")
    for key, one in list(still.items()):
        well = _well(after, Place(one.alarm.place), systems)
        since = (after.now if one.well_since is None else one.well_since) if well else None
        if since != one.well_since:
            still[key] = msgspec.structs.replace(one, well_since=since)
    healed = [
        k for k, s in still.items() if s.well_since is not None and after.now - s.well_since >= rules.over.well_for_s
    ]
    return still, [*told, *_end(still, healed, f"all has been well for {rules.over.well_for_s:g} s")]


def _raises(finding: Finding, rules: AlarmRules) -> bool:
    return any(
        rule.kind == finding.kind and all(finding.details.get(name) in among for name, among in rule.when.items())
        for rule in rules.raised_by
    )


def _raise(still: dict[str, Standing], finding: Finding, unix_ns: int) -> None:
    """Add or renew an alarm.  An XID that agent and console both tell of is one: the one that names the GPU stays."""
    tray, details = tray_of(finding.place), finding.details
    what = f"{finding.kind} {details.get('xid', details.get('sxid', ''))}"
    mine = {k: s.alarm for k, s in still.items() if tray_of(Place(s.alarm.place)) == tray}
    alike = [k for k, alarm in mine.items() if k.removeprefix(alarm.place).startswith(f" {what} ")]
    if finding.place == tray and any(mine[k].place != tray for k in alike):
        return
    for key in alike if finding.place != tray else ():
        if mine[key].place == tray:
            del still[key]
    key = f"{finding.place} {what} {details.get('pci', '')}"
    if key in still or len(mine) < MOST_PER_TRAY:
        slot = leaf_of(tray)
        text = finding.message.removeprefix(f"{slot}:").removeprefix(slot).strip()[:MOST_TEXT]
        still[key] = Standing(LastingEvent(finding.place, finding.kind, finding.severity, text, unix_ns))


def _end(still: dict[str, Standing], keys: Iterable[str], why: str) -> Iterator[Finding]:
    for key in keys:
        alarm = still.pop(key).alarm
        text = f"{leaf_of(tray_of(Place(alarm.place)))} {alarm.text.partition(':')[0]}: over, {why}"
        yield Finding(Place(alarm.place), "alarm.over", Severity.OK, text, {"of": alarm.kind})


def _well(after: Snapshot, place: Place, systems: Mapping[Place, Place]) -> bool:
    """Return whether what an alarm was told of is known to be well now."""
    tray = tray_of(place)
    if place != tray:
        return _gpu_well(after, place)
    system = after.endpoints.get(systems[tray]) if tray in systems else None
    if system is None or system.management is not ManagementAxis.REACHABLE:
        return False
    gpus = [s.place for s in after.table.gauges if s.quantity is Quantity.GPU_ACCESS and tray_of(s.place) == tray]
    return all(_gpu_well(after, gpu) for gpu in gpus)


def _gpu_well(after: Snapshot, gpu: Place) -> bool:
    asked = after.good(gpu, Quantity.RECOVERY_ACTION) not in (None, _NO_RECOVERY)
    return not asked and _reads(after, gpu, Quantity.GPU_ACCESS, _ACCESS_OK)


def _reads(after: Snapshot, place: Place, quantity: Quantity, value: float) -> bool:
    return after.good(place, quantity) == value
