"""Readings as rows: value with unit, how far it can be trusted, how old it is.  Skeletons and values; pure."""

from collections.abc import Iterable

from datacenter_api.cli.output import scaled
from datacenter_api.console.bits import word_of
from datacenter_api.console.choices import below_of, charted
from datacenter_api.console.wording import ALARM_GLYPHS, UNKNOWN, Cells, esc, roughly
from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.queries import row_of
from datacenter_api.fleet.view import RackView
from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.layout import TrayView


def draw_rows(
    at: str, tray: TrayView, columns: Columns, lines: Iterable[int], below: str = "", charts: bool = True
) -> str:
    """Return a table of lines of a tray; ids are `<at><line>-v`.

    `below` is what the lines' names need not repeat; with `charts` a quantity can be chosen to be seen over time.
    """
    rows = "".join(_row(at, tray, columns, line, below, charts) for line in lines)
    heads = "".join(f"<th>{name}</th>" for name in ("Reading", "Value", "Quality", "Age"))
    return f'<table class="lines readings"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'


def _row(at: str, tray: TrayView, columns: Columns, line: int, below: str, charts: bool) -> str:
    series = columns.series[line]
    leaf = series.place.removeprefix(tray.place).lstrip("/")
    part = (
        (leaf.removeprefix(below) if leaf == below or leaf.startswith(f"{below}_") else leaf).replace("_", " ").strip()
    )
    quantity = esc(series.quantity.replace("_", " "))
    said = esc(f"{leaf} {quantity} {series.label}")
    if charts and charted(series.quantity):
        chosen = f'data-series="series:{esc(below_of(tray, series))}"'
        quantity = f'<button type="button" class="plain" {chosen} title="show over time">{quantity}</button>'
    name = f'<span class="quiet">{esc(part)}</span> {quantity}' if part else quantity
    return (
        f'<tr id="{at}{line}" data-name="{said}"><td title="{esc(series.label or leaf)}">{name}</td>'
        f'<td id="{at}{line}-v"></td><td id="{at}{line}-q"></td><td id="{at}{line}-a"></td></tr>'
    )


def row_cells(at: str, view: RackView, lines: Iterable[int]) -> Cells:
    """Return what stands in the rows."""
    cells: Cells = {}
    for line in lines:
        row, series = row_of(view, line), view.columns.series[line]
        word = row.quality
        if series.quantity is Quantity.ALARMS and row.value is not None:
            set_bits = word_of(series.bits, row.value)
            alarms, informs = ", ".join(set_bits.alarms), ", ".join(set_bits.informs)
            text = f"{ALARM_GLYPHS['warning']} {alarms}" if alarms else "none"
            text += f" · {informs}" if informs else ""
            word = f"{word} words{' raised' if alarms else ''}"
        else:
            text = row.text if row.text is not None else value_text(row.value, row.unit)
        cells[(f"{at}{line}", "class")] = word
        cells[(f"{at}{line}-v", "text")] = text
        cells[(f"{at}{line}-q", "text")] = row.quality
        cells[(f"{at}{line}-a", "text")] = roughly(row.age_s)
    return cells


def value_text(value: float | int | None, unit: str) -> str:
    """Return a value as people read it: four digits are enough, unknown is `–`."""
    if value is None:
        return UNKNOWN
    shown_unit = "" if unit in ("code", "1", "bits") else unit
    value, shown_unit = scaled(value, shown_unit)
    if isinstance(value, int):
        text = f"{value:,}".replace(",", " ")
    else:
        digits = 0 if abs(value) >= 1_000 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
        text = f"{round(value, digits) + 0.0:,.{digits}f}".replace(",", " ")
        text = text.rstrip("0").rstrip(".") if digits > 1 else text
    if shown_unit == "W":
        text = text.replace(" ", "")  # as power is written everywhere
    return f"{text} {shown_unit}".rstrip()
