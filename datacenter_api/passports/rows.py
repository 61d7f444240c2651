"""Records as rows for people: steps as a list, amounts as text, and no price for who may see none.  Pure."""

from typing import Any

import pyarrow as pa

from datacenter_api.passports.reports import PartRow
from rack_controller.prove.fields import (
    BASIS,
    COST,
    COST_MOST,
    CURRENCY,
    KIND,
    LOT,
    PART,
    PLACE,
    SERIAL,
    STEP_FIELDS,
    SUPPLIER,
    WORK_ORDER,
    plain,
    process_of,
    steps_in,
)


def part_rows(records: pa.Table, prices: bool) -> list[PartRow]:
    """Return records as rows; without `prices` no cost, currency or basis."""
    steps = steps_in(records.column_names)
    return [_row(row, steps, prices) for row in records.to_pylist()]


def _row(row: dict[str, Any], steps: list[str], prices: bool) -> PartRow:
    told = [_step(row, step) for step in steps]
    return PartRow(
        place=row[PLACE],
        kind=row[KIND],
        part=row[PART],
        serial=row.get(SERIAL),
        lot=row.get(LOT),
        work_order=row.get(WORK_ORDER),
        supplier=row.get(SUPPLIER),
        steps=[step for step in told if len(step) > 1],
        cost=_amount(row.get(COST)) if prices else None,
        cost_most=_amount(row.get(COST_MOST)) if prices else None,
        currency=row.get(CURRENCY) if prices else None,
        cost_basis=row.get(BASIS) if prices else None,
    )


def _step(row: dict[str, Any], step: str) -> dict[str, str]:
    fields = {field: value for field in STEP_FIELDS if (value := row.get(f"{step}_{field}"))}
    return {"process": process_of(step), **fields}


def _amount(value: int | None) -> str | None:
    return None if value is None else plain(value)
