"""The hall: one card per rack with a small elevation; skeleton and values.  Pure."""

from collections.abc import Sequence
from urllib.parse import quote

from datacenter_api.cli.output import number
from datacenter_api.console.wording import UNKNOWN, Cells, esc, kilowatts, seconds
from datacenter_api.fleet.summary import RackSummary

_LINES = (
    ("out", "Shelf output"),
    ("head", "Headroom"),
    ("liquid", "Supply → return"),
    ("flow", "Flow"),
    ("leaks", "Leaks"),
    ("reach", "Endpoints"),
    ("age", "Last frame"),
)
_U = 4
_PATTERN = (
    '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
    '<pattern id="minihatch" width="3" height="3" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="3" class="hatchline"/></pattern></defs></svg>'
)


def draw_hall(racks: Sequence[RackSummary]) -> str:
    """Return the cards of all racks."""
    if not racks:
        return '<p class="quiet">No rack has been heard yet. A rack appears with its controller’s first frame.</p>'
    return f'{_PATTERN}<div class="hall">{"".join(_card(rack) for rack in racks)}</div>'


def hall_cells(racks: Sequence[RackSummary]) -> Cells:
    """Return every value of the hall."""
    cells: Cells = {}
    for rack in racks:
        at = f"r-{rack.name}"
        wet = sum(p.state in ("warning", "critical") for p in rack.leaks)
        worst = next((a for a in ("critical", "warning", "unknown") if any(t.alarm == a for t in rack.trays)), "ok")
        if not rack.live:
            worst = "unknown"
        words = {"critical": "◆ critical", "warning": "▲ warning", "unknown": "? not all known", "ok": "● well"}
        cells[(f"{at}-pill", "text")] = words[worst] if rack.live else "? stale"
        cells[(f"{at}-pill", "class")] = f"pill {worst}"
        cells[(f"{at}-out", "text")] = kilowatts(rack.shelf_output_w.value) if rack.live else UNKNOWN
        cells[(f"{at}-head", "text")] = f"{kilowatts(rack.headroom_w)} of {kilowatts(rack.usable_limit_w)}"
        cells[(f"{at}-liquid", "text")] = f"{number(rack.supply_c.value, 1)} → {number(rack.return_c.value, 1, '°C')}"
        cells[(f"{at}-flow", "text")] = number(rack.flow_lpm.value, 0, "L/min")
        unknown = f", {rack.leaks_unknown} unknown" if rack.leaks_unknown else ""
        cells[(f"{at}-leaks", "text")] = f"{f'◆ {wet} of' if wet else 'none of'} {rack.leak_points}{unknown}"
        cells[(f"{at}-reach", "text")] = f"{rack.endpoints_reachable} of {rack.endpoints_total} reachable"
        cells[(f"{at}-age", "text")] = seconds(rack.age_s)
        for tray in rack.trays:
            cells[(f"{at}-{tray.name}", "class")] = f"t alarm-{tray.alarm}" if rack.live else "t stale"
    return cells


def _card(rack: RackSummary) -> str:
    lines = "".join(f'<dt>{what}</dt><dd id="r-{rack.name}-{at}">{UNKNOWN}</dd>' for at, what in _LINES)
    href = f"/console/rack/{quote(rack.rack)}"
    return (
        f'<a class="card rackcard" href="{href}" aria-label="Rack {esc(rack.rack)}">{_mini(rack)}<div>'
        f'<h3>{esc(rack.name)} <span id="r-{rack.name}-pill" class="pill">?</span></h3>'
        f'<div class="quiet">{esc(rack.rack)} · {esc(rack.generation)} · {rack.gpus} GPUs</div>'
        f"<dl>{lines}</dl></div></a>"
    )


def _mini(rack: RackSummary) -> str:
    most = max((t.unit + t.height_u for t in rack.trays), default=2) - 1
    height = most * _U + 8
    trays = "".join(
        f'<rect id="r-{rack.name}-{t.name}" class="t" x="6" y="{4 + (most - t.unit + 1 - t.height_u) * _U}" '
        f'width="52" height="{t.height_u * _U - 1}" rx="1"/>'
        for t in rack.trays
    )
    return (
        f'<svg class="mini" viewBox="0 0 64 {height}" aria-hidden="true">'
        f'<rect class="rail" x="2" y="1" width="60" height="{height - 2}" rx="3"/>{trays}</svg>'
    )
