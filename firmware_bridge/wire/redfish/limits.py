"""Limits that a device states for its own sensors (Sensor.Thresholds), by the reading that each is of.  Judges none."""

from collections.abc import Iterator, Mapping, Sequence

from firmware_bridge.vocabulary.facts import Aspect, AspectKind, Fact, FactValue
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import possible
from firmware_bridge.wire.redfish.guard import Document
from firmware_bridge.wire.redfish.numbers import number
from firmware_bridge.wire.redfish.plan import Extract

MOST = 500
"""Sensors of one endpoint whose limits are carried."""

# Sensor.v1 Thresholds, the ones that bound a reading.
THRESHOLDS: dict[str, Fact] = {
    "UpperFatal": Fact.UPPER_FATAL,
    "UpperCritical": Fact.UPPER_CRITICAL,
    "UpperCaution": Fact.UPPER_CAUTION,
    "LowerCaution": Fact.LOWER_CAUTION,
    "LowerCritical": Fact.LOWER_CRITICAL,
    "LowerFatal": Fact.LOWER_FATAL,
}


def limits_of(
    documents: Mapping[str, Document], sensors: Mapping[str, Sequence[Extract]], tray: Place
) -> tuple[Aspect, ...]:
    """Return the limits of every reading that comes from a sensor which states some, in the reading's unit.

    `sensors` says which readings of `tray` a sensor's value is, by its URI.  A limit that is null, no number, or none
    that the quantity can have is left out.
    """
    found = list(_all(documents, sensors, f"{tray}/"))
    return tuple(found[:MOST])


def _all(documents: Mapping[str, Document], sensors: Mapping[str, Sequence[Extract]], below: str) -> Iterator[Aspect]:
    for uri, extracts in sensors.items():
        stated = documents.get(uri, {}).get("Thresholds")
        if not isinstance(stated, dict):
            continue
        for extract in extracts:
            facts = _facts(stated, extract)
            if facts:
                series = extract.series
                part = series.place.removeprefix(below) if series.place.startswith(below) else ""
                yield Aspect(AspectKind.LIMITS, f"{part}.{series.quantity}".lstrip("."), facts=facts)


def _facts(stated: Document, extract: Extract) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    for name, fact in THRESHOLDS.items():
        row = stated.get(name)
        raw = number(row.get("Reading")) if isinstance(row, dict) else None
        value = None if raw is None else raw * extract.factor + extract.offset
        if value is not None and possible(extract.series.quantity, value):
            facts[fact.value] = float(f"{value:.7g}")
    return facts
