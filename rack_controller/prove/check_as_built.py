"""Texts of a factory's file are judged, column by column; only a file without a fault becomes as-built records.  Pure.

Nothing is repaired or left out: a file with one bad row is refused whole, with every fault in one report.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rack_controller.prove.columns import Codes, Mask, codes_of, column, is_plain, judged, numbered, spread
from rack_controller.prove.complaints import Complaints
from rack_controller.prove.fields import (
    BASES,
    BASIS,
    COST,
    COST_MOST,
    CURRENCY,
    FORMULA,
    KIND,
    LOT,
    MONEY,
    PART,
    PART_COLUMNS,
    PLACE,
    REQUIRED,
    SERIAL,
    STEP_COLUMN,
    STRENGTHS,
    UNKNOWN_PLACE,
    process_of,
    steps_in,
)

MOST_TEXT = 200
_PLACE = r"^[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?(?:/[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?){3,5}$"
_CONTROL = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"
_NOTHING = r"(?i)^(n[/.]?a\.?|#n/a|none|null|nil|unknown|tb[ad]|\?+|x{3,}|0+)$"
_SHORTENED = r"(?i)^\d[.,]\d+e\+\d+$"
_AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,4})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SUBDIVISION = re.compile(r"[A-Z0-9]{1,3}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Known:
    """What values may be: ids of sites and ISO 3166-1 codes for places, ISO 4217 currencies, the day of today."""

    sites: Collection[str]
    countries: Collection[str]
    currencies: Collection[str]
    today: date


def check_as_built(texts: pa.Table, known: Known, complaints: Complaints, *, rack: str = "") -> pa.Table | None:
    """Return as-built records, None when the complaints have grown.  `rack` stands before places that begin in a rack.

    Every row has a place, a kind, a part number, and a serial number or a lot; no two have the same place, nor the same
    part and serial number.
    """
    table = _trimmed(texts)
    if rack:
        table = table.set_column(table.column_names.index(PLACE), PLACE, _below(rack, table.column(PLACE)))
    for name in table.column_names:
        _look_at_text(table, name, complaints)
    _look_at_identity(table, complaints)
    kinds = "expected a lower-case word (gpu, psu, compute_tray)"
    _look(table, KIND, lambda v: "" if _KIND.fullmatch(v) else kinds, complaints)
    _look(table, BASIS, lambda v: "" if v in BASES else f"one of {', '.join(BASES)}", complaints)
    _look(table, CURRENCY, lambda v: "" if v in known.currencies else "no ISO 4217 currency", complaints)
    costs = {name: _money(table, name, complaints) for name in (COST, COST_MOST) if name in table.column_names}
    _look_at_costs(table, costs, complaints)
    _look_at_steps(table, known, complaints)
    if len(complaints):
        return None
    for name, values in costs.items():
        table = table.set_column(table.column_names.index(name), name, values)
    return _ordered(table)


def _trimmed(texts: pa.Table) -> pa.Table:
    """Return the table without spaces around texts, its repeating columns as dictionaries."""
    columns = {}
    for name in texts.column_names:
        found = texts.column(name).combine_chunks()
        found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
        if pa.types.is_dictionary(found.type):
            values = pc.utf8_trim_whitespace(found.dictionary)
            if not values.equals(found.dictionary):  # two values may have become one
                found = pa.DictionaryArray.from_arrays(found.indices, values).dictionary_decode().dictionary_encode()
        elif name in (PLACE, SERIAL):
            found = pc.utf8_trim_whitespace(found)
            found = pc.if_else(pc.equal(found, ""), pa.scalar(None, pa.string()), found)
        else:
            found = pc.utf8_trim_whitespace(found).dictionary_encode()
        columns[name] = found
    return pa.table(columns)


def _below(rack: str, places: pa.ChunkedArray) -> pa.ChunkedArray:
    inside = pc.binary_join_element_wise(rack, places, "/")
    whole = pc.or_(pc.starts_with(places, f"{rack}/"), pc.equal(places, rack))
    return pc.if_else(whole, places, inside)


def _look_at_text(table: pa.Table, name: str, complaints: Complaints) -> None:
    """Complain of formulas, control characters and texts without end, in any column."""
    found = table.column(name).combine_chunks()
    found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
    values = found.dictionary if pa.types.is_dictionary(found.type) else found
    faults = {}
    if not is_plain(values):
        faults["has control characters, or some that nobody sees"] = pc.match_substring_regex(values, _CONTROL)
    faults[f"longer than {MOST_TEXT} characters"] = pc.greater(pc.utf8_length(values), MOST_TEXT)
    if name not in (COST, COST_MOST):  # an amount that is none has words of its own
        said = "begins like a spreadsheet's formula: write it without = + - @"
        faults[said] = pc.match_substring_regex(values, FORMULA)
    if name in (SERIAL, LOT):
        faults["stands for nothing: leave it empty where nobody knows it"] = pc.match_substring_regex(values, _NOTHING)
    if name in (SERIAL, LOT, PART):
        said = "a number that a spreadsheet has shortened: make its column text"
        faults[said] = pc.match_substring_regex(values, _SHORTENED)
    for what, bad in faults.items():
        wrong = bad.fill_null(False).to_numpy(zero_copy_only=False)
        if not wrong.any():
            continue
        if values is not found:
            codes = found.indices.fill_null(len(wrong)).to_numpy(zero_copy_only=False)
            wrong = np.append(wrong, np.False_)[codes]
        _tell(table, name, wrong, what, complaints)


def _look_at_identity(table: pa.Table, complaints: Complaints) -> None:
    serial = table.column(SERIAL).is_valid().to_numpy()
    lot = column(table, LOT).is_valid().to_numpy()
    for name in REQUIRED:
        if name != SERIAL:
            _tell(table, name, table.column(name).is_null().to_numpy(), "missing", complaints)
    _tell(table, SERIAL, ~serial & ~lot, "neither a serial number nor a lot", complaints)
    shaped = pc.match_substring_regex(table.column(PLACE), _PLACE).fill_null(True).to_numpy()
    _tell(table, PLACE, ~shaped, "expected site/hall/row/rack[/slot[/component]] in lower case", complaints)
    places, different = numbered(table.column(PLACE))
    if len(different) < np.count_nonzero(places >= 0):
        _look_for_twins(table, PLACE, places, places >= 0, "another part has the same place", complaints)
    serials, different = numbered(table.column(SERIAL))
    if len(different) == np.count_nonzero(serials >= 0):
        return
    parts, _ = numbered(table.column(PART))
    both = (parts >= 0) & (serials >= 0)
    key = parts * len(different) + serials
    _look_for_twins(table, SERIAL, key, both, "duplicate: another row has this part and serial number", complaints)


def _look_for_twins(table: pa.Table, name: str, key: Codes, given: Mask, what: str, complaints: Complaints) -> None:
    rows = np.flatnonzero(given)
    order = rows[np.argsort(key[rows], kind="stable")]
    same = key[order][1:] == key[order][:-1]
    if not same.any():
        return
    values = table.column(name)
    for first, second in zip(order[:-1][same].tolist(), order[1:][same].tolist(), strict=True):
        complaints.add(
            second + 1, name, f"{what}: row {complaints.row_in_file(first + 1)}", values[second].as_py(), kind=what
        )


def _look(table: pa.Table, name: str, say: Callable[[str], str], complaints: Complaints) -> None:
    """Complain of every row whose value is not as it must be; `say` is asked once per distinct value."""
    if name not in table.column_names:
        return
    codes, values = codes_of(table.column(name))
    said = np.asarray([*judged(values, say), ""], dtype=object)
    for what in sorted(set(said) - {""}):
        _tell(table, name, (said == what)[codes], what, complaints)


def _tell(table: pa.Table, name: str, wrong: Mask, what: str, complaints: Complaints) -> None:
    rows = np.flatnonzero(wrong)
    if len(rows):
        complaints.add_rows(rows, name, what, table.column(name).take(pa.array(rows[:1_000])).to_pylist())


def _money(table: pa.Table, name: str, complaints: Complaints) -> pa.Array:
    """Return a column of money in 1/10,000, null where nothing is stated."""
    codes, values = codes_of(table.column(name))
    amounts, wrong = np.zeros(len(values), np.int64), np.zeros(len(values) + 1, np.bool_)
    for at, text in enumerate(values):
        if _AMOUNT.fullmatch(text):
            amounts[at] = int(Decimal(text) * MONEY)
        else:
            wrong[at] = True
    what = "expected an amount such as 1234.50: not negative, less than 10^12, at most 4 decimals, no separators"
    _tell(table, name, wrong[codes], what, complaints)
    return pa.array(spread(codes, amounts, 0), pa.int64(), mask=codes < 0)


def _look_at_costs(table: pa.Table, costs: dict[str, pa.Array], complaints: Complaints) -> None:
    stated = np.zeros(table.num_rows, np.bool_)
    for values in costs.values():
        stated |= values.is_valid().to_numpy(zero_copy_only=False)
    for name, what in ((CURRENCY, "a cost without its currency"), (BASIS, "a cost without its basis")):
        missing = stated & column(table, name).is_null().to_numpy()
        _tell(table, name if name in table.column_names else next(iter(costs), PLACE), missing, what, complaints)
    if COST in costs and COST_MOST in costs:
        over = pc.greater(costs[COST], costs[COST_MOST]).fill_null(False).to_numpy(zero_copy_only=False)
        _tell(table, COST_MOST, over, "less than the cost", complaints)


def _look_at_steps(table: pa.Table, known: Known, complaints: Complaints) -> None:
    latest = np.zeros(table.num_rows, np.int64)
    by_process: dict[str, list[str]] = {}
    for step in steps_in(table.column_names):
        by_process.setdefault(process_of(step), []).append(step)
        _look_at_step(table, step, known, complaints)
    for steps in by_process.values():
        days = [_days(table, step) for step in steps]
        for step, found in zip(steps, days, strict=True):
            early = (found > 0) & (found < latest)
            if early.any():
                _tell(table, f"{step}_date", early, "impossible: before an earlier process", complaints)
        latest = np.maximum(latest, np.max(days, axis=0))


def _look_at_step(table: pa.Table, step: str, known: Known, complaints: Complaints) -> None:
    names = [n for n in table.column_names if (m := STEP_COLUMN.fullmatch(n)) and m[1] + m[2] == step]
    told = np.any([table.column(n).is_valid().to_numpy() for n in names], axis=0)
    here = f"{step}_place"
    for field, what in (("place", f"missing: say {UNKNOWN_PLACE!r} where nobody knows"), ("evidence", "missing")):
        lacks = told & column(table, f"{step}_{field}").is_null().to_numpy()
        rows = np.flatnonzero(lacks)
        if len(rows):
            complaints.add_rows(rows, f"{step}_{field}", what)
    _look(table, here, lambda v: "" if _is_place(v, known) else "neither a site nor an ISO 3166-1 country", complaints)
    _look(table, f"{step}_date", lambda v: _wrong_date(v, known.today), complaints)
    evidence, reference = f"{step}_evidence", f"{step}_reference"
    _look(table, evidence, lambda v: "" if v in STRENGTHS else f"one of {', '.join(STRENGTHS)}", complaints)
    if evidence in table.column_names:
        codes, values = codes_of(table.column(evidence))
        proven = np.append(np.asarray([v in STRENGTHS[1:] for v in values], np.bool_), np.False_)[codes]
        bare = proven & column(table, reference).is_null().to_numpy()
        _tell(table, evidence, bare, "says that there is a document: its reference is missing", complaints)


def _is_place(value: str, known: Known) -> bool:
    country, mark, part = value.partition("-")
    there = country in known.countries and (not mark or _SUBDIVISION.fullmatch(part) is not None)
    return value == UNKNOWN_PLACE or value in known.sites or there


def _wrong_date(value: str, today: date) -> str:
    try:
        found = date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:
        found = None
    if found is None:
        return "impossible: expected a day such as 2026-03-31"
    if found > today:
        return "impossible: it lies in the future"
    return "" if found >= _FIRST_DAY else "impossible: before 2000"


def _days(table: pa.Table, step: str) -> NDArray[np.int64]:
    """Return a step's day as a number, 0 where it is unknown or no day."""
    if f"{step}_date" not in table.column_names:
        return np.zeros(table.num_rows, np.int64)
    codes, values = codes_of(table.column(f"{step}_date"))
    days = np.zeros(len(values), np.int64)
    for at, value in enumerate(values):
        try:
            days[at] = date.fromisoformat(value).toordinal()
        except ValueError:
            continue
    return spread(codes, days, 0).astype(np.int64)


def in_order(records: pa.Table) -> pa.Table:
    """Return records sorted by place."""
    return records.take(pc.sort_indices(records, [(PLACE, "ascending")]))


def _ordered(table: pa.Table) -> pa.Table:
    """Return the table with its columns in their order; columns that say nothing are left out."""
    steps = steps_in(table.column_names)
    names = [n for n in PART_COLUMNS if n in table.column_names]
    names += [
        n for step in steps for n in table.column_names if (m := STEP_COLUMN.fullmatch(n)) and m[1] + m[2] == step
    ]
    return table.select([n for n in names if n in REQUIRED or table.column(n).null_count < table.num_rows])
