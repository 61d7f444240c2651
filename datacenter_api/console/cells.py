"""What stands in each place of the rack page now: words, classes and numbers by element id.  Pure."""

from datacenter_api.cli.output import number
from datacenter_api.console.elevation import drawn_parts
from datacenter_api.console.wording import (
    ALARM_GLYPHS,
    KINDS,
    MANAGEMENT_GLYPHS,
    STATE_GLYPHS,
    UNKNOWN,
    Cells,
    kilowatts,
    marked,
)
from datacenter_api.fleet.summary import RackSummary
from datacenter_api.fleet.trays import TrayState
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.model.layout import Layout, TrayView

# A GPU cell's colour runs from COOL to HOT °C; the number stands in the cell.
COOL, HOT = 35.0, 90.0


def elevation_cells(layout: Layout, summary: RackSummary, view: RackView | None) -> Cells:
    """Return every value of the elevation."""
    states = {t.place: t for t in summary.trays}
    wet = _wet_points(summary)
    cells: Cells = {}
    for tray in layout.trays:
        state = states[tray.place]
        stale = is_stale(state.name, view)
        _tray(cells, tray, state, stale, wet.get(tray.place, []))
        for part in drawn_parts(tray):
            for n in range(part.count):
                _part(cells, f"c-{state.name}-{part.name}{n}", tray, f"{part.name}{n}", state.state, view)
        if tray.height_u > 1:
            cells[(f"t-{state.name}-more", "text")] = _coolant_line(tray, view)
    return cells


def is_stale(slot: str, view: RackView | None) -> bool:
    """Return whether nothing of a tray's quickest class is current: it is then hatched, never green.

    A serial number read ten minutes ago does not make a silent tray alive.
    """
    lines = None if view is None else view.columns.by_tray.get(slot)
    if view is None or lines is None:
        return True
    periods = view.columns.period[lines]
    quickest = lines[periods == periods.min()]
    return not bool((view.quality[quickest] == Quality.GOOD).any())


def _wet_points(summary: RackSummary) -> dict[str, list[str]]:
    wet: dict[str, list[str]] = {}
    for point in summary.leaks:
        wet.setdefault(tray_of(Place(point.place)), []).append(point.state)
    return wet


def _tray(cells: Cells, tray: TrayView, state: TrayState, stale: bool, wet: list[str]) -> None:
    at = f"t-{state.name}"
    power = kilowatts(state.power_w) if state.power_quality == "good" else UNKNOWN
    alarm = "unknown" if stale and state.alarm == "ok" else state.alarm
    cells[(at, "class")] = f"tray {tray.kind} alarm-{alarm} state-{state.state}{' stale' if stale else ''}"
    cells[(at, "label")] = (
        f"{state.name}, {KINDS.get(tray.kind, tray.kind)}, state {state.state}, management {state.management}, "
        f"{alarm}{f' ({state.why})' if state.why else ''}, power {power}{', no current reading' if stale else ''}"
    )
    cells[(f"{at}-alarm", "text")] = ALARM_GLYPHS[alarm]
    cells[(f"{at}-state", "text")] = marked(STATE_GLYPHS, state.state)
    cells[(f"{at}-state", "class")] = f"axis {state.state}"
    cells[(f"{at}-management", "text")] = marked(MANAGEMENT_GLYPHS, state.management)
    cells[(f"{at}-management", "class")] = f"axis {state.management}"
    if tray.kind != "coolant_unit":
        cells[(f"{at}-power", "text")] = "stale" if stale else power
    if any(c.name == "leak" for c in tray.components):
        worst = next((word for word in ("critical", "warning", "unknown") if word in wet), "dry")
        words = {"critical": "◆ LEAK", "warning": "▲ leak", "unknown": "leak ?", "dry": "dry"}
        cells[(f"{at}-leak", "text")] = words[worst]
        cells[(f"{at}-leak", "class")] = f"leak {worst}"


def _part(cells: Cells, at: str, tray: TrayView, part: str, state: str, view: RackView | None) -> None:
    place = f"{tray.place}/{part}"
    if part.startswith("gpu"):
        word, text, title, heat = _gpu(place, part, view)
        cells[(at, "heat")] = heat
    elif part.startswith("pump"):
        word, text, title = _pump(place, part, view)
    else:
        word, text, title = _supply(place, part, view)
    if word == "unknown" and state == "off":
        word, text = "off", "off"
    cells[(at, "class")] = f"cell {word}"
    cells[(f"{at}-text", "text")] = text
    cells[(f"{at}-title", "text")] = title


def _gpu(place: str, part: str, view: RackView | None) -> tuple[str, str, str, str]:
    celsius, watts = _good(view, place, Quantity.TEMPERATURE), _good(view, place, Quantity.POWER)
    degrees = "?°" if celsius is None else f"{celsius:.0f}°"
    power = "? W" if watts is None else f"{watts:.0f} W"
    heat = 0.0 if celsius is None else min(1.0, max(0.0, (celsius - COOL) / (HOT - COOL)))
    word = "unknown" if celsius is None else "known"
    return word, f"{degrees} {power}", f"{part}: {number(celsius, 1, '°C')}, {number(watts, 0, 'W')}", f"{heat:.2f}"


def _pump(place: str, part: str, view: RackView | None) -> tuple[str, str, str]:
    speed, bad = _good(view, place, Quantity.PUMP_SPEED), _unwell(view, place)
    text = "?" if speed is None else f"pump {speed:.0f} %"
    return (
        ("bad" if bad else "unknown" if speed is None else "plain"),
        text,
        f"{part}: speed {number(speed, 0, '%')}{bad}",
    )


def _supply(place: str, part: str, view: RackView | None) -> tuple[str, str, str]:
    watts, bad = _good(view, place, Quantity.POWER), _unwell(view, place)
    off = _good(view, place, Quantity.POWER_STATE) == 0.0
    text = "off" if off else "?" if watts is None else kilowatts(watts)
    word = "bad" if bad else "off" if off else "unknown" if watts is None else "plain"
    return word, f"✕ {text.removesuffix(' kW')}" if bad else text, f"{part}: {kilowatts(watts)}{bad}"


def _unwell(view: RackView | None, place: str) -> str:
    health = _good(view, place, Quantity.HEALTH)
    return "" if not health else ", health warning" if health == 1.0 else ", health critical"


def _coolant_line(tray: TrayView, view: RackView | None) -> str:
    if tray.kind != "coolant_unit":
        return ""
    supply, back, flow, heat = (
        _good(view, tray.place, quantity)
        for quantity in (Quantity.TEMPERATURE_SUPPLY, Quantity.TEMPERATURE_RETURN, Quantity.FLOW, Quantity.HEAT)
    )
    return (
        f"supply {number(supply, 1, '°C')}  ·  return {number(back, 1, '°C')}  ·  "
        f"flow {number(flow, 0, 'L/min')}  ·  heat {kilowatts(heat)}"
    )


def _good(view: RackView | None, place: str, quantity: Quantity) -> float | None:
    if view is None:
        return None
    value, quality = view.number(place, quantity)
    return value if quality == "good" else None
