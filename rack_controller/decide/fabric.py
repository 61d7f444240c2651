"""Whether fabric managers run where they are planned, and whether all switch trays run one version.  Pure."""

from collections.abc import Iterable, Mapping, Sequence

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.quantities import Quantity, name_of
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity
from rack_controller.model.snapshot import Snapshot
from rack_controller.model.wiring import Wiring

_OK, _WARNING, _CRITICAL = Severity.OK, Severity.WARNING, Severity.CRITICAL


def notice_managers(
    before: Mapping[Place, float], columns: Sequence[tuple[Place, int]], after: Snapshot, wirings: Sequence[Wiring]
) -> tuple[dict[Place, float], list[Finding]]:
    """Return the states known now and what is wrong: a manager that is down, or one that runs where it should not.

    `columns` are the switch trays with the gauge column of their manager; an unknown state is no change.
    """
    expected = frozenset(p for w in wirings for p in w.managers)
    states, findings = dict(before), []
    for place, column in columns:
        now = float(after.gauges[column])
        was = states.get(place)
        if now != now or was == now:
            continue
        states[place] = now
        word, tray = name_of(Quantity.FABRIC_MANAGER, now), leaf_of(place)
        if place in expected and word != "running":
            text = f"{tray}: the fabric manager is {word}; it is to run here"
            findings.append(Finding(place, "fabric_manager.down", _CRITICAL, text))
        elif place in expected and was is not None:
            findings.append(Finding(place, "fabric_manager.up", _OK, f"{tray}: the fabric manager runs again"))
        elif place not in expected and word != "stopped":
            text = f"{tray}: a fabric manager is {word}; it is planned for {_names(expected) or 'no tray'}"
            findings.append(Finding(place, "fabric_manager.misplaced", _WARNING, text))
        elif place not in expected and was is not None:
            findings.append(Finding(place, "fabric_manager.gone", _OK, f"{tray}: no fabric manager runs here any more"))
    return states, findings


def notice_versions(before: Mapping[Place, str], now: Mapping[Place, str]) -> list[Finding]:
    """Tell that switch trays run different versions, or do no longer; the rarer versions are named with their trays."""
    if before == now:
        return []
    groups = by_version(now)
    was = by_version(before)
    if len(groups) < 2:
        if len(was) < 2 or not groups:
            return []
        place = tray_of(next(iter(now)))
        return [Finding(place, "version.equal", _OK, f"all switch trays that are read run NVOS {next(iter(groups))}")]
    usual, *others = sorted(groups, key=lambda v: (-len(groups[v]), v))
    odd = "; ".join(f"{v} in {_names(groups[v])}" for v in others)
    place = groups[others[0]][0]
    text = f"switch trays run different versions of NVOS: {odd}; {usual} in the other {len(groups[usual])}"
    return [Finding(place, "version.mismatch", _WARNING, text)]


def by_version(versions: Mapping[Place, str]) -> dict[str, list[Place]]:
    """Return the trays that run each version."""
    found: dict[str, list[Place]] = {}
    for endpoint in sorted(versions):
        if versions[endpoint]:
            found.setdefault(versions[endpoint], []).append(tray_of(endpoint))
    return found


def _names(places: Iterable[Place]) -> str:
    return ", ".join(leaf_of(p) for p in sorted(places))
