"""A rack in the hall: a small elevation to scale, standing on the floor.  Skeleton and values; pure."""

from datacenter_api.cli.output import number
from datacenter_api.console.cells import heat_of, is_stale
from datacenter_api.console.wording import Cells, esc, slot_of, tray_href
from datacenter_api.fleet.summary import RackSummary
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import Layout, TrayView

_U, _WIDTH = 10, 200
_TRAY_X, _TRAY_WIDTH, _EDGE = 6, 188, 5
_GPUS_X, _GPUS_WIDTH, _NUMBER_X = 50, 96, 189
# A colour that moves by less than this share of its scale is not sent.
_HEAT_STEP = 0.05

PATTERN = (
    '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
    '<pattern id="minihatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="5" class="hatchline"/></pattern></defs></svg>'
)


def draw_mini(name: str, layout: Layout) -> str:
    """Return the small elevation of a rack; its height on the page follows its units."""
    height = layout.height_u * _U + 8
    trays = "".join(_tray(name, tray, layout.height_u) for tray in layout.trays)
    return (
        f'<svg class="mini" style="--units:{layout.height_u}" viewBox="0 0 {_WIDTH} {height}" aria-hidden="true">'
        f'<rect class="rail" x="1" y="1" width="{_WIDTH - 2}" height="{height - 2}" rx="4"/>{trays}</svg>'
    )


def mini_cells(summary: RackSummary, layout: Layout, view: RackView | None) -> Cells:
    """Return what stands in the small elevation."""
    cells: Cells = {}
    states = {t.place: t for t in summary.trays}
    for tray in layout.trays:
        state, at = states[tray.place], f"r-{summary.name}-{slot_of(tray.place)}"
        if not summary.live or is_stale(state.name, view):
            cells[(at, "class")] = f"t {tray.kind} stale"
        else:
            cells[(at, "class")] = f"t {tray.kind} alarm-{state.alarm} state-{state.state}"
        known = summary.live and state.power_quality == "good"
        cells[(f"{at}-p", "text")] = (
            number(None if state.power_w is None else state.power_w / 1_000, 1) if known else ""
        )
        for n in range(_gpus(tray)):
            celsius, quality = view.number(f"{tray.place}/gpu{n}", Quantity.TEMPERATURE) if view else (None, "missing")
            heat = heat_of(celsius) if celsius is not None and quality == "good" and summary.live else None
            cells[(f"{at}-g{n}", "class")] = "g" if heat is not None else "g unknown"
            cells[(f"{at}-g{n}", "heat")] = f"{round((heat or 0.0) / _HEAT_STEP) * _HEAT_STEP:.2f}"
    return cells


def _gpus(tray: TrayView) -> int:
    return sum(c.count for c in tray.components if c.name == "gpu")


def _tray(name: str, tray: TrayView, units: int) -> str:
    slot = slot_of(tray.place)
    at = esc(f"r-{name}-{slot}")
    y, height = 4 + (units - tray.unit + 1 - tray.height_u) * _U, tray.height_u * _U - 1
    line = y + min(height, 2 * _U) / 2 + 2.6
    gpus = _gpus(tray)
    width = _GPUS_WIDTH / max(gpus, 4)
    squares = "".join(
        f'<rect id="{at}-g{n}" class="g unknown" x="{_GPUS_X + n * width:.1f}" y="{y + 2}" width="{width - 2:.1f}" '
        f'height="{height - 4}" rx="1"/>'
        for n in range(gpus)
    )
    return (
        f'<a href="{tray_href(tray.place)}" tabindex="-1"><g id="{at}" class="t {esc(tray.kind)} stale">'
        f"<title>{esc(slot)} · {esc(tray.title)}</title>"
        f'<rect class="body" x="{_TRAY_X}" y="{y}" width="{_TRAY_WIDTH}" height="{height}" rx="1.5"/>'
        f'<rect class="edge" x="{_TRAY_X}" y="{y}" width="{_EDGE}" height="{height}" rx="1.5"/>'
        f'<text class="w" x="15" y="{line:.1f}">{esc(slot)}</text>{squares}'
        f'<text class="w n" id="{at}-p" x="{_NUMBER_X}" y="{line:.1f}"></text></g></a>'
    )
