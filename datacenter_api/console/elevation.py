"""The rack drawn to scale, unit 1 at the floor: a skeleton from the layout, without values.  Pure."""

from collections.abc import Iterable

from datacenter_api.console.wording import KINDS, esc, kind_of, slot_of
from rack_controller.model.layout import ComponentView, Layout, TrayView

U = 18
WIDTH = 744
_RAIL_X, _RAIL_WIDTH = 26, 714
_TRAY_X, _TRAY_WIDTH = 30, 706
_CELLS_X, _LEAK_X, _NUMBER_X = 322, 650, 728
_CELL_HEIGHT = 12
_EDGE = 4

# Parts drawn as cells, with the width of one; all other parts are only in the tray's panel.
DRAWN: dict[str, int] = {"gpu": 66, "psu": 46, "bbu": 46, "pump": 66}
_GAP = 3

HATCH = (
    '<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="7" class="hatchline"/></pattern></defs>'
)


def draw_elevation(layout: Layout) -> str:
    """Return the SVG of a rack.  Ids follow the slot: `t-u12`, `t-u12-power`, `c-u12-gpu0`."""
    height = layout.height_u * U + 12
    trays = sorted(layout.trays, key=lambda t: -t.unit)
    parts = [
        f'<div class="elevationbox"><svg class="elevation" viewBox="0 0 {WIDTH} {height}" role="group" '
        f'aria-label="Rack {esc(layout.rack)}, {layout.height_u} units, top to bottom">{HATCH}',
        f'<rect class="rail" x="{_RAIL_X}" y="3" width="{_RAIL_WIDTH}" height="{height - 6}" rx="4"/>',
        *_units(layout),
        *(_tray(tray, layout.height_u) for tray in trays),
        "</svg></div>",
    ]
    return "".join(parts)


def top_of(unit: int, height_u: int, rack_height_u: int) -> int:
    """Return the y of a tray's upper edge; `unit` is its lowest unit."""
    return 6 + (rack_height_u - unit + 1 - height_u) * U


def _units(layout: Layout) -> list[str]:
    taken = {u for t in layout.trays for u in range(t.unit, t.unit + t.height_u)}
    lines = []
    for unit in range(1, layout.height_u + 1):
        y = top_of(unit, 1, layout.height_u)
        lines.append(f'<text class="u" x="20" y="{y + 13}">{unit}</text>')
        if unit not in taken:
            lines.append(f'<line class="gap" x1="{_TRAY_X}" y1="{y + U}" x2="{_TRAY_X + _TRAY_WIDTH}" y2="{y + U}"/>')
    return lines


def _tray(tray: TrayView, rack_height_u: int) -> str:
    slot = esc(slot_of(tray.place))
    y, height = top_of(tray.unit, tray.height_u, rack_height_u) + 1, tray.height_u * U - 2
    line = y + 12
    box = f'x="{_TRAY_X}" y="{y}" width="{_TRAY_WIDTH}" height="{height}" rx="2.5"'
    pieces = [
        f'<g id="t-{slot}" class="tray {esc(tray.kind)} stale" tabindex="0" role="button" aria-pressed="false" '
        f'data-tray="{slot}" aria-label="{slot}"><title>{esc(tray.title)}</title>',
        f'<rect class="body" {box}/>',
        f'<rect class="edge" x="{_TRAY_X}" y="{y}" width="{_EDGE}" height="{height}" rx="2"/>',
        f'<text class="glyph" id="t-{slot}-alarm" x="42" y="{line}">?</text>',
        f'<text x="54" y="{line}">{slot}</text>',
        f'<text class="kind" x="84" y="{line}">{esc(kind_of(tray.kind))}</text>',
        f'<text class="axis" id="t-{slot}-state" x="156" y="{line}"></text>',
        f'<text class="axis" id="t-{slot}-management" x="222" y="{line}"></text>',
        *_cells(tray, slot, y + 2),
        f'<text class="num" id="t-{slot}-power" x="{_NUMBER_X}" y="{line}"></text>',
    ]
    if any(c.name == "leak" for c in tray.components):
        pieces.append(f'<text class="leak" id="t-{slot}-leak" x="{_LEAK_X}" y="{line}"></text>')
    if has_more(tray):
        pieces.append(f'<text class="kind" id="t-{slot}-more" x="84" y="{line + U}"></text>')
    pieces.append(f'<rect class="hatch" {box}/></g>')
    return "".join(pieces)


def _cells(tray: TrayView, slot: str, y: int) -> list[str]:
    cells, x = [], _CELLS_X
    tall = is_tall(tray)
    height = tray.height_u * U - 6 if tall else _CELL_HEIGHT
    text_y = y + height / 2 + (4 if tall else 3.5)
    for part in drawn_parts(tray):
        width = DRAWN[part.name]
        for n in range(part.count):
            at = f"c-{slot}-{part.name}{n}"
            cells.append(
                f'<g id="{at}" class="cell unknown{" tall" if tall else ""}"><title id="{at}-title"></title>'
                f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="2"/>'
                f'<text id="{at}-text" x="{x + width / 2}" y="{text_y}"></text></g>'
            )
            x += width + _GAP
    return cells


def has_more(tray: TrayView) -> bool:
    """Return whether a tray has a second line of words: it is high enough, and its parts say less than it does."""
    return tray.height_u > 1 and tray.kind in ("coolant_unit", "battery_shelf")


def is_tall(tray: TrayView) -> bool:
    """Return whether a tray's cells are as high as it is: nothing is written below its first line."""
    return tray.height_u > 1 and not has_more(tray)


def drawn_parts(tray: TrayView) -> list[ComponentView]:
    """Return the parts of a tray that are drawn as cells."""
    return [part for part in tray.components if part.name in DRAWN]


def draw_kinds(kinds: Iterable[str]) -> str:
    """Return the legend of the tray kinds that are there: the colour at a tray's left edge, and its word."""
    known = [kind for kind in KINDS if kind in set(kinds)]
    shown = [*known, *sorted(set(kinds) - set(known))]
    keys = "".join(f'<span><i class="edge {esc(kind)}"></i>{esc(kind_of(kind))}</span>' for kind in shown)
    ramp = '<span>GPU 35 °C<i class="ramp"></i>90 °C</span><span><i class="hatched"></i>no current reading</span>'
    return f'<div class="key">{keys}{ramp}</div>'
