"""What stands in each place of the rack page now: words, classes and numbers by element id.  Pure."""

from datacenter_api.cli.output import number
from datacenter_api.console.elevation import drawn_parts, has_more, is_tall
from datacenter_api.console.wording import (
    ALARM_GLYPHS,
    MANAGEMENT_GLYPHS,
    STATE_GLYPHS,
    UNKNOWN,
    Cells,
    kind_of,
    marked,
)
from datacenter_api.fleet.summary import RackSummary
from datacenter_api.fleet.trays import TrayState
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.amounts import power_text
from firmware_bridge.vocabulary.place import Place, tray_of
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality
from rack_controller.model.layout import Layout, TrayView

# A GPU cell's colour runs from COOL to HOT °C; the number stands in the cell.
COOL, HOT = 35.0, 90.0
# Where the driver on the host says the same of a GPU as its BMC does.
_INSIDE = {Quantity.TEMPERATURE: Quantity.TEMPERATURE_CORE, Quantity.POWER: Quantity.POWER_AVERAGE}


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
                if is_tall(tray):
                    cells[(f"c-{state.name}-{part.name}{n}", "class")] += " tall"
        if has_more(tray):
            cells[(f"t-{state.name}-more", "text")] = _more(tray, view)
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
    power = power_text(state.power_w) if state.power_quality == "good" else UNKNOWN
    alarm = "unknown" if stale and state.alarm == "ok" else state.alarm
    cells[(at, "class")] = f"tray {tray.kind} alarm-{alarm} state-{state.state}{' stale' if stale else ''}"
    cells[(at, "label")] = (
        f"{state.name}, {kind_of(tray.kind)}, state {state.state}, management {state.management}, "
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
    (celsius, inside), (watts, also) = (gpu_value(view, place, q) for q in (Quantity.TEMPERATURE, Quantity.POWER))
    degrees = "?°" if celsius is None else f"{celsius:.0f}°"
    power = power_text(watts, "? W")
    heat = 0.0 if celsius is None else heat_of(celsius)
    word = "unknown" if celsius is None else "known"
    by = ""
    if inside or also:
        word, by = f"{word} inband", " (by its driver; the BMC says nothing now)"
    title = f"{part}: {number(celsius, 1, '°C')}, {power_text(watts)}{by}"
    return word, f"{degrees} {power}", title, f"{heat:.2f}"


def gpu_value(view: RackView | None, place: str, quantity: Quantity) -> tuple[float | None, bool]:
    """Return what the BMC says of a GPU, else what its driver does, and whether it is the driver's."""
    value = _good(view, place, quantity)
    if value is not None or quantity not in _INSIDE:
        return value, False
    value = _good(view, place, _INSIDE[quantity])
    return value, value is not None


def gpu_cells(at: str, place: str, view: RackView | None) -> Cells:
    """Return one GPU as a cell in a grid: colour, words, and what it says to those who cannot see it."""
    word, text, title, heat = _gpu(place, place.rpartition("/")[2], view)
    return {
        (at, "heat"): heat,
        (at, "class"): f"gpu {word}",
        (at, "title"): title,
        (f"{at}-text", "text"): text,
    }


def heat_of(celsius: float) -> float:
    """Return where a temperature lies between COOL (0) and HOT (1)."""
    return min(1.0, max(0.0, (celsius - COOL) / (HOT - COOL)))


def _pump(place: str, part: str, view: RackView | None) -> tuple[str, str, str]:
    share, turns = _good(view, place, Quantity.PUMP_SPEED), _good(view, place, Quantity.ROTATION)
    speed = number(share, 0, "%") if share is not None or turns is None else number(turns, 0, "RPM")
    bad, known = _unwell(view, place), share is not None or turns is not None
    word = "bad" if bad else "plain" if known else "unknown"
    return word, speed if known else "?", f"{part}: speed {speed}{bad}"


def _supply(place: str, part: str, view: RackView | None) -> tuple[str, str, str]:
    watts, level = _good(view, place, Quantity.POWER), _good(view, place, Quantity.LEVEL)
    bad, off = _unwell(view, place), _good(view, place, Quantity.POWER_STATE) == 0.0
    battery = view is not None and view.number(place, Quantity.LEVEL)[1] != "absent"
    told = number(level, 0, "%") if battery else power_text(watts)
    known = level is not None if battery else watts is not None
    text = "off" if off else told if known else "?"
    word = "bad" if bad else "off" if off else "plain" if known else "unknown"
    charge = f", charged {number(level, 0, '%')}" if battery else ""
    return word, f"✕ {text.removesuffix(' kW')}" if bad else text, f"{part}: {power_text(watts)}{charge}{bad}"


def _unwell(view: RackView | None, place: str) -> str:
    health = _good(view, place, Quantity.HEALTH)
    return "" if not health else ", health warning" if health == 1.0 else ", health critical"


def _more(tray: TrayView, view: RackView | None) -> str:
    """Return a tray's second line; a figure that it does not have leaves no gap."""
    told = (
        ("supply", Quantity.TEMPERATURE_SUPPLY, 1, "°C"),
        ("return", Quantity.TEMPERATURE_RETURN, 1, "°C"),
        ("flow", Quantity.FLOW, 0, "L/min"),
        ("heat", Quantity.HEAT, 0, "W"),
        ("charge", Quantity.LEVEL, 0, "%"),
        ("bus", Quantity.VOLTAGE, 1, "V"),
    )
    has = [line for line in told if view is not None and view.number(tray.place, line[1])[1] != "absent"]
    shown = [(name, _good(view, tray.place, quantity), digits, unit) for name, quantity, digits, unit in has[:4]]
    return "  ·  ".join(
        f"{name} {power_text(value) if unit == 'W' else number(value, digits, unit)}"
        for name, value, digits, unit in shown
    )


def _good(view: RackView | None, place: str, quantity: Quantity) -> float | None:
    if view is None:
        return None
    value, quality = view.number(place, quantity)
    return value if quality == "good" else None
