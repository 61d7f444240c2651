"""A rack's records as a CycloneDX 1.7 hardware BOM, one component a line so that a seal can name what was changed.

Pure.  Parts are components of type `device`, their place is their `bom-ref`.  Names are of the taxonomy `cdx:device:*`
where it has one; it has none for origin and cost, which stand under `rackwright:*`.  Each distinct process step is
one evidence under `declarations`, named by the parts that it was done to; claims of origin are `claims` there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from firmware_bridge.vocabulary.place import RACK_PARTS
from rack_controller.prove.claim import OriginClaim, words_of
from rack_controller.prove.columns import Codes, codes_of, column, numbers
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
from rack_controller.prove.redact import COMMITMENT

SPEC = "1.7"
SCHEMA = f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json"
OWN = "rackwright:"
PROPERTY_OF = {
    KIND: "cdx:device:function",
    LOT: "cdx:device:lotNumber",
    WORK_ORDER: f"{OWN}work-order",
    BASIS: f"{OWN}cost-basis",
    CURRENCY: f"{OWN}currency",
}
SERIAL_NUMBER, STEP = "cdx:device:serialNumber", f"{OWN}step"
_MOST_KEYS = 2**62
COST_OF, COST_MOST_OF, COMMITMENT_OF = f"{OWN}cost", f"{OWN}cost-most", f"{OWN}cost-commitment"
SHARE_OF, SHARE_MOST_OF = f"{OWN}cost-share-per-billion", f"{OWN}cost-share-most-per-billion"


@dataclass(frozen=True, slots=True)
class Heading:
    """What a BOM says of itself: `number` is its UUID, `timestamp` its moment (ISO 8601, UTC), `more` properties."""

    rack: str
    number: str
    timestamp: str
    tool_version: str
    more: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Document:
    """A file as its lines, each with its end, and their names: what a seal is made of."""

    lines: list[bytes]
    names: list[str]

    @property
    def content(self) -> bytes:
        """The whole file."""
        return b"".join(self.lines)


def hardware_bom(
    table: pa.Table, claims: Sequence[OriginClaim], heading: Heading, *, redacted: bool = False
) -> Document:
    """Return the BOM of one rack: `table` are its records, `claims` what is claimed of it."""
    evidence, steps = _evidence(table)
    rows = _components(table, steps, redacted)
    places = table.column(PLACE).to_pylist()
    own = [at for at, place in enumerate(places) if place.count("/") == RACK_PARTS - 1]
    itself = orjson.loads(rows[own[0]]) if own else {"type": "device", "bom-ref": heading.rack, "name": "rack"}
    mine = set(own)
    inside = [at for at in range(len(rows)) if at not in mine]
    claimed = [_json(_claim(claim, heading.rack)) for claim in claims]
    head = _json(_head(itself, heading))[:-1] + ',"components":['
    parts = [
        ([f"{head}\n".encode()], ["heading"]),
        (_commas([rows[at] for at in inside]), [places[at] for at in inside]),
        ([b'],"declarations":{"evidence":[\n'], ["structure 1"]),
        (_commas(evidence), [f"step:{n}" for n in range(len(evidence))]),
        ([b'],"claims":[\n'], ["structure 2"]),
        (_commas(claimed), [f"claim {claim.rule}" for claim in claims]),
        ([b"]}}\n"], ["end"]),
    ]
    return Document([line for block, _ in parts for line in block], [name for _, block in parts for name in block])


def _commas(rows: list[str]) -> list[bytes]:
    return [*(f"{row},\n".encode() for row in rows[:-1]), *(f"{row}\n".encode() for row in rows[-1:])]


def _head(itself: dict[str, Any], heading: Heading) -> dict[str, Any]:
    tool = {"type": "application", "name": "Rackwright", "version": heading.tool_version}
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{heading.number}",
        "version": 1,
        "metadata": {
            "timestamp": heading.timestamp,
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [tool]},
            "component": itself,
            "properties": [{"name": OWN + name, "value": value} for name, value in heading.more.items()],
        },
    }


def _claim(claim: OriginClaim, rack: str) -> dict[str, Any]:
    return {
        "bom-ref": f"claim:{claim.rule}",
        "target": rack,
        "predicate": words_of(claim),
        "reasoning": "; ".join((claim.source, *claim.reasons, *(f"not looked at: {t}" for t in claim.leaves_out))),
    }


def _evidence(table: pa.Table) -> tuple[list[str], Codes]:
    """Return every distinct step as an evidence, and per step column and row which one it is, -1 for none."""
    evidence: list[str] = []
    columns = []
    for step in steps_in(table.column_names):
        fields = [f for f in STEP_FIELDS if f"{step}_{f}" in table.column_names]
        coded = [codes_of(table.column(f"{step}_{f}")) for f in fields]
        first, back = _distinct([codes for codes, _ in coded])
        pieces = [
            _taken(codes[first], [_datum(field, value) for value in values])
            for field, (codes, values) in zip(fields, coded, strict=True)
        ]
        told = [",".join(filter(None, row)) for row in zip(*pieces, strict=True)]
        there = np.asarray([bool(data) for data in told])
        names = np.where(there, np.cumsum(there) + len(evidence) - 1, -1)
        lead = f'","propertyName":"{OWN}process:{process_of(step)}","data":['
        evidence += [f'{{"bom-ref":"step:{n}{lead}{d}]}}' for n, d in zip(names.tolist(), told, strict=True) if d]
        columns.append(names[back])
    return evidence, np.stack(columns) if columns else np.zeros((0, table.num_rows), np.int64)


def _datum(field: str, value: str) -> str:
    return f'{{"name":"{field}","contents":{{"attachment":{{"content":{_text(value)}}}}}}}'


def _components(table: pa.Table, steps: Codes, redacted: bool) -> list[str]:
    """Return every row as the JSON of a component.  Each distinct value of a column is written once."""
    places = table.column(PLACE).to_pylist()
    pieces = [
        [f'{{"type":"device","bom-ref":"{place}",' for place in places],
        _pieces(table, SUPPLIER, lambda v: f'"supplier":{{"name":{_text(v)}}},'),
        _pieces(table, PART, lambda v: f'"name":{_text(v)},"properties":['),
        [f'{{"name":"cdx:device:location","value":"{place}"}}' for place in places],
        _quoted(table.column(SERIAL)),
        *(_pieces(table, name, partial(_property, called)) for name, called in PROPERTY_OF.items()),
        *(
            _taken(codes, [f',{{"name":"{STEP}","value":"step:{n}"}}' for n in range(codes.max(initial=-1) + 1)])
            for codes in steps
        ),
        *_amounts(table, redacted),
    ]
    return [f"{''.join(row)}]}}" for row in zip(*pieces, strict=True)]


def _pieces(table: pa.Table, name: str, write: Callable[[str], str]) -> list[str]:
    codes, values = codes_of(column(table, name))
    return _taken(codes, [write(value) for value in values])


def _taken(codes: Codes, written: list[str]) -> list[str]:
    """Return per row what its code was written as, nothing for -1."""
    padded = [*written, ""]
    return [padded[code] for code in codes.tolist()]


def _quoted(serials: pa.ChunkedArray) -> list[str]:
    """Return the property of every serial number, empty where there is none."""
    odd = bool(pc.any(pc.match_substring_regex(serials, r'["\\]')).as_py())
    lead = f',{{"name":"{SERIAL_NUMBER}","value":'
    if odd:
        return ["" if s is None else f"{lead}{_text(s)}}}" for s in serials.to_pylist()]
    return ["" if s is None else f'{lead}"{s}"}}' for s in serials.to_pylist()]


def _amounts(table: pa.Table, redacted: bool) -> list[list[str]]:
    names = ((COST, SHARE_OF), (COST_MOST, SHARE_MOST_OF)) if redacted else ((COST, COST_OF), (COST_MOST, COST_MOST_OF))
    said = []
    for name, called in names:
        values, known = numbers(table, name)
        if known.any():
            distinct, back = np.unique(values, return_inverse=True)
            written = [_property(called, str(v) if redacted else plain(v)) for v in distinct.tolist()]
            said.append(_taken(np.where(known, back, -1), written))
    if redacted:
        lead = f',{{"name":"{COMMITMENT_OF}","value":"'
        said.append([f'{lead}{leaf}"}}' if leaf else "" for leaf in table.column(COMMITMENT).to_pylist()])
    return said


def _distinct(columns: Sequence[Codes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of every distinct combination of codes, and per row which combination it is."""
    key = np.zeros(len(columns[0]) if len(columns) else 0, np.int64)
    size = 1
    for codes in columns:
        values = int(codes.max(initial=-1)) + 2
        if size * values >= _MOST_KEYS:
            _, key = np.unique(key, return_inverse=True)
            size = len(key) + 1
        key, size = key * values + codes + 1, size * values
    _, first, back = np.unique(key, return_index=True, return_inverse=True)
    return first.astype(np.int64), back.astype(np.int64)


def _property(name: str, value: str) -> str:
    return f',{{"name":"{name}","value":{_text(value)}}}'


def _text(value: str) -> str:
    return orjson.dumps(value).decode()


def _json(content: Any) -> str:
    return orjson.dumps(content).decode()
