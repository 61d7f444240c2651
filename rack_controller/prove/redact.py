"""Costs are taken out of records, shares and commitments put in: the percentage can be checked, no price is told.

Each share is in parts per billion of the sum of all stated costs.  A commitment is SHA-256 over a zero byte, 32 bytes
of salt and the cost with the part's identity; whoever is shown cost and salt can tell that they were meant.  Salts are
cut one after the other from SHAKE-256 (FIPS 202) over a secret: who knows some of them knows none of the others.  Pure.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from rack_controller.prove.columns import codes_of, column, numbers, spread, texts_of
from rack_controller.prove.fields import BASIS, COST, COST_MOST, CURRENCY, PART, PLACE, SERIAL
from rack_controller.prove.openings import TOTAL, Opening, Openings
from rack_controller.prove.rules import OriginRule

COMMITMENT = "cost_commitment"
PER_BILLION = 1_000_000_000
_SALT_BYTES = 32


def redact(table: pa.Table, rule: OriginRule, secret: bytes) -> tuple[pa.Table, str, Openings]:
    """Return the records with shares instead of costs, the commitment to their sum, and what opens all of it.

    A cost in a currency that the rule has no rate for, or that is not stated, has no share.  `secret`: 32 random bytes,
    new for every export.
    """
    known, stated = numbers(table, COST)
    most, bounded = numbers(table, COST_MOST)
    codes, currencies = codes_of(column(table, CURRENCY))
    rate = spread(codes, np.asarray([rule.rates.get(c, np.nan) for c in currencies], np.float64), np.nan)
    counted = stated & np.isfinite(rate)
    converted = np.where(counted, known * np.nan_to_num(rate), 0.0)
    total = float(converted.sum())
    scale = PER_BILLION / total if total else 0.0
    share = pa.array(np.rint(converted * scale).astype(np.int64), mask=~counted)
    bound = np.where(bounded & np.isfinite(rate), np.ceil(most * np.nan_to_num(rate) * scale), 0).astype(np.int64)
    rows = np.flatnonzero(stated)
    salts = _salts(secret, len(rows) + 1)
    openings, committed = _committed(table.take(pa.array(rows)), known[rows].tolist(), salts[1:])
    leaves = np.full(table.num_rows, None, dtype=object)
    leaves[rows] = committed
    sum_of = Opening(TOTAL, round(total), rule.currency, "", salts[0].hex())
    kept = table.drop_columns([c for c in (COST, COST_MOST, CURRENCY) if c in table.column_names])
    money = pa.array([rule.currency] * table.num_rows, pa.string()).dictionary_encode()
    kept = kept.append_column(CURRENCY, money).append_column(COST, share)
    if bounded.any():
        kept = kept.append_column(COST_MOST, pa.array(bound, mask=~(bounded & np.isfinite(rate))))
    kept = kept.append_column(COMMITMENT, pa.array(leaves, pa.string()))
    rack = str(table.column(PLACE)[0].as_py() if table.num_rows else "")
    said = Openings("/".join(rack.split("/")[:4]), rule.name, (sum_of, *openings))
    return kept, commitment({PLACE: TOTAL, PART: None, SERIAL: None}, sum_of), said


def commitment(identity: Mapping[str, Any], opening: Opening) -> str:
    """Return the commitment to a cost of the part with this place, part and serial number, in hex."""
    said = (identity[PLACE], identity[PART], identity[SERIAL], opening.cost, opening.currency, opening.basis)
    return _commitment(bytes.fromhex(opening.salt), said)


def wrong_openings(parts: Iterable[Mapping[str, Any]], total: str, openings: Openings, rule: OriginRule) -> list[str]:
    """Return what does not fit between a redacted export and openings of it; `parts` are rows of its records."""
    rows = {row[PLACE]: row for row in parts}
    rows[TOTAL] = {PLACE: TOTAL, PART: None, SERIAL: None, COMMITMENT: total}
    sums = [o.cost for o in openings.openings if o.place == TOTAL]
    wrong = []
    for opening in openings.openings:
        row = rows.get(opening.place)
        if row is None:
            wrong.append(f"{opening.place}: the export has no such part")
        elif commitment(row, opening) != row.get(COMMITMENT):
            wrong.append(f"{opening.place}: not the cost that was committed to")
        elif opening.place != TOTAL and sums and row.get(COST) is not None:
            share = opening.cost * rule.rates.get(opening.currency, 0.0) / sums[0] * PER_BILLION
            if abs(share - row[COST]) > 2:
                wrong.append(f"{opening.place}: its share of the sum is {share:.0f} per billion, not {row[COST]}")
    return wrong


def _salts(secret: bytes, count: int) -> list[bytes]:
    drawn = hashlib.shake_256(secret).digest(count * _SALT_BYTES)
    return [drawn[at : at + _SALT_BYTES] for at in range(0, len(drawn), _SALT_BYTES)]


def _committed(stated: pa.Table, costs: list[int], salts: list[bytes]) -> tuple[list[Opening], list[str]]:
    """Return the opening of each stated cost, and the commitment to it, row by row."""
    places, parts, serials, currencies, bases = (
        texts_of(column(stated, name)) for name in (PLACE, PART, SERIAL, CURRENCY, BASIS)
    )
    said = zip(places, parts, serials, costs, currencies, bases, strict=True)
    leaves = list(map(_commitment, salts, said))
    opened: Iterable[Any] = zip(places, costs, currencies, bases, salts, strict=True)
    return [Opening(place, cost, money, basis, salt.hex()) for place, cost, money, basis, salt in opened], leaves


def _commitment(salt: bytes, said: tuple[str | int | None, ...]) -> str:
    return hashlib.sha256(b"\x00" + salt + msgspec.json.encode(said)).hexdigest()
