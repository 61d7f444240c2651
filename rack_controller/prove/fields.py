"""The words of as-built records: columns, processes, strengths of evidence, bases of cost.  Pure; knows no arrays."""

import re
from collections.abc import Iterable
from functools import lru_cache

PLACE, KIND, PART, SERIAL, LOT, WORK_ORDER = "place", "kind", "part", "serial", "lot", "work_order"
SUPPLIER, COST, CURRENCY, BASIS, COST_MOST = "supplier", "cost", "currency", "cost_basis", "cost_most"
PART_COLUMNS = (PLACE, KIND, PART, SERIAL, LOT, WORK_ORDER, SUPPLIER, COST, CURRENCY, BASIS, COST_MOST)
REQUIRED = (PLACE, KIND, PART, SERIAL)
PROCESSES = ("design", "wafer", "packaging", "board", "assembly", "test", "integration")
"""What is done to a part, in the order in which it is done."""

STEP_FIELDS = ("place", "date", "firm", "evidence", "reference")
STRENGTHS = ("declared", "documented", "attested")
"""How strong the evidence of a step is, weakest first."""

BASES = ("purchase", "manufacture", "transfer", "list", "estimate")
"""What a cost is: paid with freight and duty, cost of making, price between firms of one owner, list price, a guess."""

UNKNOWN_PLACE = "unknown"
TRAY_OF = r"^((?:[^/]+/){4}[^/]+)(?:/.*)?$"
"""Matches a place in a tray or of one; the first group is the tray."""

MONEY = 10_000
"""Costs are counted in 1/10,000 of their currency."""

FORMULA = r"^[=+\-@\t\r\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]"
"""Matches (RE2) a cell that spreadsheets may take for a formula; the last four are the wide forms of `= + - @`."""

MOST_REPEATS = 9
STEP_COLUMN = re.compile(rf"({'|'.join(PROCESSES)})([2-{MOST_REPEATS}]?)_({'|'.join(STEP_FIELDS)})")


def steps_in(names: Iterable[str]) -> list[str]:
    """Return the steps (`wafer`, `test`, `test2`) that columns of these names tell of, in the processes' order."""
    return list(_steps_in(tuple(names)))


@lru_cache(maxsize=64)
def _steps_in(names: tuple[str, ...]) -> tuple[str, ...]:
    found = {m[1] + m[2] for name in names if (m := STEP_COLUMN.fullmatch(name))}
    return tuple(sorted(found, key=lambda step: (PROCESSES.index(process_of(step)), step)))


def process_of(step: str) -> str:
    """Return the process of a step (`test2`: test)."""
    return step.rstrip("23456789")


def plain(amount: int) -> str:
    """Return an amount in 1/10,000 as people write it: `1234.5`."""
    whole, rest = divmod(amount, MONEY)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") if rest else str(whole)
