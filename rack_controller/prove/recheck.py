"""A BOM is read back and its claims are worked out again from what it discloses; no price is needed.  Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import orjson
import pyarrow as pa

from rack_controller.prove.batches import is_common
from rack_controller.prove.claim import ClaimVerdict, OriginClaim, words_of
from rack_controller.prove.cyclonedx import (
    AS_ACCEPTED,
    BATCH_OF,
    COMMITMENT_OF,
    COST_MOST_OF,
    COST_OF,
    OWN,
    PROPERTY_OF,
    SERIAL_NUMBER,
    SHARE_MOST_OF,
    SHARE_OF,
)
from rack_controller.prove.fields import (
    BASIS,
    COST,
    COST_MOST,
    CURRENCY,
    MONEY,
    PART,
    PLACE,
    SERIAL,
    SUPPLIER,
    WORK_ORDER,
)
from rack_controller.prove.fit import AsAccepted
from rack_controller.prove.origin import claim_of
from rack_controller.prove.redact import COMMITMENT
from rack_controller.prove.rules import Measure, OriginRule

_COLUMN_OF = {called: name for name, called in PROPERTY_OF.items()} | {
    SERIAL_NUMBER: SERIAL,
    SHARE_OF: COST,
    SHARE_MOST_OF: COST_MOST,
    COST_OF: COST,
    COST_MOST_OF: COST_MOST,
    COMMITMENT_OF: COMMITMENT,
    f"{OWN}work-order": WORK_ORDER,
    f"{OWN}cost-basis": BASIS,
    f"{OWN}currency": CURRENCY,
}
_STEP = f"{OWN}step"
"""BOMs that say no batch tell of each step as an evidence of its own, and of the rest part by part."""
_MONEY = (COST, COST_MOST)
_ROUNDING = 0.011
"""Shares are rounded to a billionth, bounds to a hundredth of a percent: two such bounds may lie this far apart."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a BOM says: its records, the rule and the sites that its claims were made with, and the claims' words.

    `accepted`: what was found when it was frozen; None in exports, and where it was frozen before that was kept.
    """

    rack: str
    records: pa.Table
    rule: OriginRule | None
    sites: Mapping[str, str]
    delivery: date | None
    claims: tuple[str, ...]
    total: str
    redacted: bool
    accepted: AsAccepted | None = None


def read_bom(content: bytes) -> Told:
    """Return what a BOM of ours says.  Raises ValueError for any other file."""
    try:
        document = orjson.loads(content)
        evidence = {e["bom-ref"]: e for e in document["declarations"]["evidence"]}
        own = document["metadata"]["component"]
        more = {p["name"]: p["value"] for p in document["metadata"]["properties"]}
        inside = [c for c in (own, *document["components"]) if c.get("properties")]
        batches = {name: _batch(e) for name, e in evidence.items() if e.get("propertyName") == BATCH_OF}
        rows = [_row(component, evidence, batches) for component in inside]
        names = list(dict.fromkeys(name for row in rows for name in row))
        kinds = {name: pa.int64() if name in _MONEY else pa.string() for name in names}
        records = pa.table({n: pa.array([row.get(n) for row in rows], kinds[n]) for n in names})
        rule, accepted = more.get(f"{OWN}rule"), more.get(OWN + AS_ACCEPTED)
        return Told(
            rack=own["bom-ref"],
            records=records,
            rule=None if rule is None else msgspec.json.decode(rule, type=OriginRule),
            sites=msgspec.json.decode(more.get(f"{OWN}sites", "{}"), type=dict[str, str]),
            delivery=date.fromisoformat(day) if (day := more.get(f"{OWN}delivery")) else None,
            claims=tuple(c["predicate"] for c in document["declarations"]["claims"]),
            total=str(more.get(f"{OWN}cost-total-commitment", "")),
            redacted=f"{OWN}cost-total-commitment" in more,
            accepted=None if accepted is None else msgspec.json.decode(accepted, type=AsAccepted),
        )
    except (LookupError, TypeError, AttributeError, OverflowError, pa.ArrowException, msgspec.MsgspecError) as err:
        raise ValueError(f"not a BOM of ours: {err}") from err


def wrong_claims(told: Told, claims: list[OriginClaim]) -> list[str]:
    """Return what the BOM claims otherwise than its own records allow.  `claims`: worked out by `work_out`."""
    mine = {claim.title: claim for claim in claims}
    wrong = []
    for said in told.claims:
        title = said.partition(":")[0]
        if title not in mine:
            wrong.append(f"{said}: its rule is not in the file")
        elif not _agree(said.removeprefix(title), mine[title]):
            wrong.append(f"it says {said!r}, its records say {words_of(mine[title])!r}")
    return wrong


def work_out(told: Told) -> list[OriginClaim]:
    """Return the claim that the BOM's own rule allows for its own records, for the day of delivery it names.

    Raises ValueError, LookupError for records that no import would have taken.
    """
    if told.rule is None:
        return []
    return [claim_of(told.records, told.rule, told.sites, told.delivery)]


def _agree(said: str, mine: OriginClaim) -> bool:
    if mine.measure is Measure.COUNTRY or mine.lower_percent is None or mine.upper_percent is None:
        return said == words_of(mine).removeprefix(mine.title)
    numbers = [float(w) for w in said.replace("%", " ").split() if w.replace(".", "", 1).isdigit()]
    if len(numbers) < 2:
        return False
    near = abs(numbers[0] - mine.lower_percent) <= _ROUNDING and abs(numbers[1] - mine.upper_percent) <= _ROUNDING
    verdicts = {v for v in ClaimVerdict if f"({v.replace('_', ' ')})" in said}
    return near and verdicts == {mine.verdict}


def _batch(evidence: Mapping[str, Any]) -> dict[str, Any]:
    (told,) = evidence["data"]
    common = orjson.loads(told["contents"]["attachment"]["content"])
    return {name: value for name, value in common.items() if is_common(name)}


def _row(
    component: Mapping[str, Any], evidence: Mapping[str, Any], batches: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    row: dict[str, Any] = {PLACE: component["bom-ref"], PART: component["name"]}
    if "supplier" in component:
        row[SUPPLIER] = component["supplier"]["name"]
    seen: Counter[str] = Counter()
    for item in component["properties"]:
        name, value = item["name"], item["value"]
        if name == BATCH_OF:
            row |= batches[value]
        elif name == _STEP:
            _put_step(row, evidence[value], seen)
        elif name in _COLUMN_OF:
            column = _COLUMN_OF[name]
            row[column] = _amount(name, value) if column in _MONEY else value
    return row


def _put_step(row: dict[str, Any], step: Mapping[str, Any], seen: Counter[str]) -> None:
    process = step["propertyName"].rpartition(":")[2]
    seen[process] += 1
    name = process if seen[process] == 1 else f"{process}{seen[process]}"
    for datum in step["data"]:
        row[f"{name}_{datum['name']}"] = datum["contents"]["attachment"]["content"]


def _amount(name: str, value: str) -> int:
    if name in (SHARE_OF, SHARE_MOST_OF):
        return int(value)
    whole, _, rest = value.partition(".")
    return int(whole) * MONEY + int(rest.ljust(4, "0") or 0)
