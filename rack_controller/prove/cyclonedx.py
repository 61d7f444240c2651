"""A rack's records as a CycloneDX 1.7 hardware BOM, one component a line so that a seal can name what was changed.

Pure.  Parts are components of type `device`, their place is their `bom-ref`.  Names are of the taxonomy `cdx:device:*`
where it has one; it has none for origin and cost, which stand under `rackwright:*`.  What many parts have in common is
a batch, one evidence under `declarations` that they name; claims of origin are `claims` there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from rack_controller.prove.batches import Batches, batches_of
from rack_controller.prove.claim import OriginClaim, words_of
from rack_controller.prove.columns import Codes, codes_of, column, numbers, whole
from rack_controller.prove.fields import COST, COST_MOST, KIND, LOT, PART, PLACE, SERIAL, SUPPLIER, plain
from rack_controller.prove.json_texts import escaped, escaped_array
from rack_controller.prove.redact import COMMITMENT
from rack_controller.prove.row_texts import RowTexts

SPEC = "1.7"
SCHEMA = f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json"
OWN = "rackwright:"
PROPERTY_OF = {KIND: "cdx:device:function", LOT: "cdx:device:lotNumber"}
SERIAL_NUMBER, BATCH_OF = "cdx:device:serialNumber", f"{OWN}batch"
BATCH = "batch:"
"""What a batch is called: this and its number."""
_CONTENT = '"contentType":"application/json","content":"'
AS_ACCEPTED = "as-accepted"
"""The property of a frozen passport that has a `fit.AsAccepted` as JSON."""
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
    batches = batches_of(table)
    lines = _components(table, batches.of_row, redacted)
    places = table.column(PLACE).to_pylist()
    itself = {"type": "device", "bom-ref": heading.rack, "name": "rack"}
    own = pc.index(table.column(PLACE), heading.rack).as_py()
    if own >= 0:
        itself = orjson.loads(lines.pop(own).rstrip(b",\n"))
        del places[own]
    claimed = [f"{_json(_claim(claim, heading.rack))},\n" for claim in claims]
    head = _json(_head(itself, heading))[:-1] + ',"components":['
    parts = [
        ([f"{head}\n".encode()], ["heading"]),
        (_ended(lines), places),
        ([b'],"declarations":{"evidence":[\n'], ["structure 1"]),
        (_ended(_evidence(batches)), [f"{BATCH}{n}" for n in range(len(batches.rows))]),
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


def _evidence(batches: Batches) -> list[bytes]:
    """Return every batch as the line of an evidence."""
    text = RowTexts(len(batches.rows))
    text.same(f'{{"bom-ref":"{BATCH}')
    text.coded(np.arange(len(batches.rows)), list(map(str, range(len(batches.rows)))))
    text.same(f'","propertyName":"{BATCH_OF}","data":[{{"name":"batch","contents":{{"attachment":{{{_CONTENT}')
    batches.put_into(text)
    text.same('"}}}]},\n')
    return _lines(text)


def _lines(text: RowTexts) -> list[bytes]:
    lines: list[bytes] = text.joined().cast(pa.binary()).to_pylist()
    return lines


def _components(table: pa.Table, batches: Codes, redacted: bool) -> list[bytes]:
    """Return every row as a component's line."""
    places = escaped_array(whole(table.column(PLACE)))
    text = RowTexts(table.num_rows)
    text.each(places, '{"type":"device","bom-ref":"', '",')
    _put(text, table, SUPPLIER, '"supplier":{"name":"', '"},')
    _put(text, table, PART, '"name":"', '","properties":[{"name":"cdx:device:location","value":"')
    text.each(places, tail='"}')
    text.each(escaped_array(whole(table.column(SERIAL))), _property_lead(SERIAL_NUMBER), '"}')
    for name in (KIND, LOT):
        _put(text, table, name, _property_lead(PROPERTY_OF[name]), '"}')
    text.coded(batches, [f'{_property_lead(BATCH_OF)}{BATCH}{n}"}}' for n in range(int(batches.max(initial=-1)) + 1)])
    _put_amounts(text, table, redacted)
    text.same("]},\n")
    return _lines(text)


def _put(text: RowTexts, table: pa.Table, name: str, lead: str, tail: str) -> None:
    codes, values = codes_of(column(table, name))
    text.coded(codes, [f"{lead}{value}{tail}" for value in escaped(values)])


def _put_amounts(text: RowTexts, table: pa.Table, redacted: bool) -> None:
    names = ((COST, SHARE_OF), (COST_MOST, SHARE_MOST_OF)) if redacted else ((COST, COST_OF), (COST_MOST, COST_MOST_OF))
    for name, called in names:
        values, known = numbers(table, name)
        if known.any():
            found, lead = pa.array(values).dictionary_encode(), _property_lead(called)
            written = [f'{lead}{v if redacted else plain(v)}"}}' for v in found.dictionary.to_pylist()]
            text.coded(np.where(known, found.indices.to_numpy(), -1).astype(np.int64), written)
    if redacted:
        text.each(whole(table.column(COMMITMENT)), _property_lead(COMMITMENT_OF), '"}')


def _property_lead(name: str) -> str:
    return f',{{"name":"{name}","value":"'


def _json(content: Any) -> str:
    return orjson.dumps(content).decode()
