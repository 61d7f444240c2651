"""A rack's records as a CycloneDX 1.7 hardware BOM, one component a line so that a seal can name what was changed.

Pure.  Parts are components of type `device`, their place is their `bom-ref`.  Names are of the taxonomy `cdx:device:*`
where it has one; it has none for origin and cost, which stand under `rackwright:*`.  Each distinct process step is
one evidence under `declarations`, named by the parts that it was done to; claims of origin are `claims` there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

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
_ESCAPED = r'[\x00-\x1f"\\]'
"""What JSON does not take between quotation marks as it is."""
Piece: TypeAlias = "pa.Array | str"
"""A text of every row, or one that is the same in all of them."""
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
    depth = pc.count_substring(table.column(PLACE), "/").to_numpy()
    own = np.flatnonzero(depth == RACK_PARTS - 1)
    itself = {"type": "device", "bom-ref": heading.rack, "name": "rack"}
    if len(own):
        itself = orjson.loads(rows[int(own[0])].as_py().rstrip(",\n"))
        inside = np.flatnonzero(depth != RACK_PARTS - 1)
        rows, places = rows.take(pa.array(inside)), [places[at] for at in inside.tolist()]
    claimed = [f"{_json(_claim(claim, heading.rack))},\n" for claim in claims]
    head = _json(_head(itself, heading))[:-1] + ',"components":['
    parts = [
        ([f"{head}\n".encode()], ["heading"]),
        (_ended(rows.cast(pa.binary()).to_pylist()), places),
        ([b'],"declarations":{"evidence":[\n'], ["structure 1"]),
        (_ended([e.encode() for e in evidence]), [f"step:{n}" for n in range(len(evidence))]),
        ([b'],"claims":[\n'], ["structure 2"]),
        (_ended([c.encode() for c in claimed]), [f"claim {claim.rule}" for claim in claims]),
        ([b"]}}\n"], ["end"]),
    ]
    return Document([line for block, _ in parts for line in block], [name for _, block in parts for name in block])


def _ended(lines: list[bytes]) -> list[bytes]:
    """Return lines that each end with a comma as those of a list, whose last one has none."""
    if lines:
        lines[-1] = lines[-1][:-2] + b"\n"
    return lines


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
    names = table.column_names  # a list that is made anew each time
    for step in steps_in(names):
        fields = [f for f in STEP_FIELDS if f"{step}_{f}" in names]
        coded = [codes_of(table.column(f"{step}_{f}")) for f in fields]
        done = np.flatnonzero(np.max([codes for codes, _ in coded], axis=0) >= 0)
        first, back = _distinct([codes[done] for codes, _ in coded])
        pieces = [
            _data(field, codes[done[first]].tolist(), values)
            for field, (codes, values) in zip(fields, coded, strict=True)
        ]
        told = map("".join, zip(*pieces, strict=True))
        named = np.full(table.num_rows, -1)
        named[done] = back + len(evidence)
        lead = f'","propertyName":"{OWN}process:{process_of(step)}","data":['
        # Every datum begins with a comma, the first one loses it.
        evidence += [f'{{"bom-ref":"step:{n}{lead}{data[1:]}]}},\n' for n, data in enumerate(told, len(evidence))]
        columns.append(named)
    return evidence, np.stack(columns) if columns else np.zeros((0, table.num_rows), np.int64)


def _data(field: str, codes: list[int], values: list[str]) -> list[str]:
    """Return one field of every evidence, each with a comma before it, nothing for -1."""
    lead = f',{{"name":"{field}","contents":{{"attachment":{{"content":"'
    written = [*(f'{lead}{value}"}}}}}}' for value in _escaped(values)), ""]
    return [written[code] for code in codes]


def _components(table: pa.Table, steps: Codes, redacted: bool) -> pa.Array:
    """Return every row as a component's line: each distinct value is written once, Arrow puts rows together.

    A missing value is a null piece, which leaves nothing behind.
    """
    places = _whole(table.column(PLACE))
    pieces = [
        *('{"type":"device","bom-ref":"', places, '",'),
        _pieces(table, SUPPLIER, '"supplier":{"name":"', '"},'),
        _pieces(table, PART, '"name":"', '","properties":['),
        *('{"name":"cdx:device:location","value":"', places, '"}'),
        *_quoted(table.column(SERIAL)),
        *(_pieces(table, name, _property_lead(called), '"}') for name, called in PROPERTY_OF.items()),
        *(_step(codes) for codes in steps),
        *_amounts(table, redacted),
        "]},\n",
    ]
    return _joined(pieces)


def _joined(pieces: Sequence[Piece]) -> pa.Array:
    """Return row by row what the pieces are one after the other; a text is the same in every row."""
    return pc.binary_join_element_wise(*pieces, "", null_handling="replace", null_replacement="")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    found = column.cast(pa.string()).combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found


def _pieces(table: pa.Table, name: str, lead: str, tail: str) -> Piece:
    return _wrapped(lead, *codes_of(column(table, name)), tail)


def _wrapped(lead: str, codes: Codes, values: list[str], tail: str) -> Piece:
    """Return per row its value between the quotation marks that lead and tail have, null for -1."""
    written = [f"{lead}{value}{tail}" for value in _escaped(values)]
    return written[0] if len(written) == 1 and (codes == 0).all() else _taken(codes, written)


def _wrapped_texts(lead: str, texts: pa.Array, tail: str) -> pa.Array:
    return pc.binary_join_element_wise(lead, texts, tail, "")  # null where the text is


def _taken(codes: Codes, written: list[str]) -> pa.Array:
    """Return per row what its code was written as, null for -1."""
    return pa.array(written, pa.string()).take(pa.array(codes, mask=codes < 0))


def _escaped(values: list[str]) -> list[str]:
    """Return texts as they stand between quotation marks in JSON: nearly always as they are."""
    every = "".join(values)
    if len(orjson.dumps(every)) == len(every) + 2:
        return values
    return [_text(value)[1:-1] for value in values]


def _step(codes: Codes) -> pa.Array:
    """Return the property that names a row's evidence; those of one column are numbered one after the other."""
    known = codes[codes >= 0]
    least, most = (int(known.min()), int(known.max())) if len(known) else (0, -1)
    lead = f"{_property_lead(STEP)}step:"
    return _taken(np.where(codes < 0, -1, codes - least), [f'{lead}{n}"}}' for n in range(least, most + 1)])


def _quoted(serials: pa.ChunkedArray) -> list[Piece]:
    """Return the property of every serial number in pieces; rows without one have none."""
    told, lead, tail = _whole(serials), _property_lead(SERIAL_NUMBER), '"}'
    if pc.any(pc.match_substring_regex(told, _ESCAPED)).as_py():
        told = pa.array([None if s is None else _text(s)[1:-1] for s in told.to_pylist()], pa.string())
    return [_wrapped_texts(lead, told, tail)] if told.null_count else [lead, told, tail]


def _amounts(table: pa.Table, redacted: bool) -> list[Piece]:
    names = ((COST, SHARE_OF), (COST_MOST, SHARE_MOST_OF)) if redacted else ((COST, COST_OF), (COST_MOST, COST_MOST_OF))
    said: list[Piece] = []
    for name, called in names:
        values, known = numbers(table, name)
        if known.any():
            found = pa.array(values).dictionary_encode()
            written = [str(v) if redacted else plain(v) for v in found.dictionary.to_pylist()]
            codes = np.where(known, found.indices.to_numpy(), -1).astype(np.int64)
            said.append(_wrapped(_property_lead(called), codes, written, '"}'))
    if redacted:
        leaves = _whole(table.column(COMMITMENT))
        told = pc.if_else(pc.equal(leaves, ""), pa.scalar(None, pa.string()), leaves)
        said.append(_wrapped_texts(_property_lead(COMMITMENT_OF), told, '"}'))
    return said


def _distinct(columns: Sequence[Codes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of every distinct combination of codes, in order, and per row which combination it is."""
    key = np.zeros(len(columns[0]) if len(columns) else 0, np.int64)
    size = 1
    for codes in columns:
        values = int(codes.max(initial=-1)) + 2
        if size * values >= _MOST_KEYS:
            _, key = np.unique(key, return_inverse=True)
            size = len(key) + 1
        key, size = key * values + codes + 1, size * values
    found = pa.array(key).dictionary_encode()
    back = found.indices.to_numpy().astype(np.int64)
    first = np.empty(len(found.dictionary), np.int64)
    first[back[::-1]] = np.arange(len(key) - 1, -1, -1)
    return first, back


def _property_lead(name: str) -> str:
    return f',{{"name":"{name}","value":"'


def _text(value: str) -> str:
    return orjson.dumps(value).decode()


def _json(content: Any) -> str:
    return orjson.dumps(content).decode()
