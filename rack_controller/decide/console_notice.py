"""Which sightings on a console become events.  Pure: the same is not told again at once, and a flood is not told whole.

Times are monotonic seconds.
"""

from dataclasses import dataclass, field, replace

from firmware_bridge.vocabulary.place import Place, leaf_of, tray_of
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.console.patterns import Sighting
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity

MOST_EVENTS = 20
"""Events of one console within `WINDOW`; more are counted and told as one."""
WINDOW = Seconds(60.0)
MOST_REMEMBERED = 128


@dataclass(frozen=True, slots=True)
class Told:
    """When a sighting was last told, and how often it was seen since without being told."""

    at: Seconds
    unsaid: int = 0


@dataclass(frozen=True, slots=True)
class ConsoleMemory:
    """What was told of one console lately.  `times` are those of events within the window, `dropped` counts others."""

    told: dict[tuple[str, ...], Told] = field(default_factory=dict)
    times: tuple[Seconds, ...] = ()
    dropped: int = 0


def notice_line(
    memory: ConsoleMemory, console: Place, sighting: Sighting, now: Seconds
) -> tuple[ConsoleMemory, list[Finding]]:
    """Return what to tell of one sighting: the event, one that says that more is not told, or nothing."""
    known = memory.told.get(sighting.same)
    if known is not None and now - known.at < sighting.same_for_s:
        return _with(memory, sighting.same, replace(known, unsaid=known.unsaid + 1)), []
    times = tuple(at for at in memory.times if now - at < WINDOW)
    if len(times) >= MOST_EVENTS:
        first = memory.dropped == 0
        return replace(memory, times=times, dropped=memory.dropped + 1), [_flood(console)] if first else []
    if sighting.begins_anew:
        memory = replace(memory, told={})  # a panic after this start is another one
    memory = replace(_with(memory, sighting.same, Told(now)), times=(*times, now), dropped=0)
    return memory, [_finding(console, sighting, known.unsaid if known else 0)]


def _with(memory: ConsoleMemory, key: tuple[str, ...], told: Told) -> ConsoleMemory:
    kept = {**memory.told, key: told}
    if len(kept) > MOST_REMEMBERED:
        del kept[min(kept, key=lambda k: kept[k].at)]
    return replace(memory, told=kept)


def _finding(console: Place, sighting: Sighting, unsaid: int) -> Finding:
    tray = tray_of(console)
    more = f" (seen {unsaid} times more since it was last told)" if unsaid else ""
    details: dict[str, str | float | int | None] = {"source": "console", "console": console}
    details |= {name: int(value) if value.isdecimal() else value for name, value in sighting.fields.items()}
    message = f"{leaf_of(tray)}: {sighting.message}{more}"
    return Finding(tray, sighting.kind, Severity(sighting.severity), message, details)


def _flood(console: Place) -> Finding:
    text = f"{leaf_of(tray_of(console))}: more than {MOST_EVENTS} alarming lines within {WINDOW:g} s; see its log"
    return Finding(console, "console.flood", Severity.WARNING, text)
