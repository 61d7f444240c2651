"""Plays a generation whose domain spans two racks, with batteries, alarm words and serial units."""

from functools import cache

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import SPECS, Quantity
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.site import SiteEndpoint, SiteRack
from rack_controller.model.layout import Layout, make_layout
from rack_controller.model.table import SeriesTable, make_table
from support.play import PlayedRack, rack_place

GENERATION = "orv3-hpr-nvl36x2"
DOMAIN = "k02.nvl0"
BITS = ("fan_fault", "over_temperature", "", "~fully_charged")
Q = Quantity

_TRAY = {
    "compute": (Q.POWER, Q.POWER_STATE, Q.MANAGEMENT),
    "switch": (Q.POWER, Q.POWER_STATE, Q.MANAGEMENT),
    "power_shelf": (Q.POWER, Q.POWER_STATE, Q.VOLTAGE),
    "battery_shelf": (Q.POWER, Q.POWER_STATE, Q.VOLTAGE, Q.LEVEL),
    "coolant_unit": (Q.FLOW, Q.TEMPERATURE_SUPPLY, Q.TEMPERATURE_RETURN, Q.HEAT, Q.POWER_STATE),
}
_PART = {
    "gpu": (Q.POWER, Q.TEMPERATURE),
    "psu": (Q.POWER, Q.TEMPERATURE, Q.HEALTH, Q.ALARMS, Q.MANAGEMENT),
    "bbu": (Q.POWER, Q.LEVEL, Q.HEALTH, Q.ALARMS, Q.MANAGEMENT),
    "pump": (Q.ROTATION,),
    "leak": (Q.LEAK,),
}
_FOREIGN = ("chassis_0_fan_1", "chassis_0_fan_2", "chassis_0_fan_3", "odd_one")


@cache
def pair_layout(number: int) -> Layout:
    generation, place = load_generation(GENERATION), rack_place(number)
    endpoints = tuple(
        SiteEndpoint(join_place(place, slot.name, spec.name), "127.0.0.1", 443, enabled=spec.enabled)
        for slot in generation.slots
        for spec in slot.tray.endpoints
    )
    rack = SiteRack(place, GENERATION, armed=True, domains={"nvl0": DOMAIN})
    return make_layout(rack, generation, endpoints)


def pair_table(layout: Layout) -> SeriesTable:
    lines: list[tuple[str, Quantity]] = []
    for tray in layout.trays:
        lines += [(tray.place, q) for q in _TRAY[tray.kind]]
        for part in tray.components:
            for n in range(part.count):
                lines += [(f"{tray.place}/{part.name}{n}", q) for q in _PART.get(part.name, ())]
        if tray.kind == "compute":
            lines += [(f"{tray.place}/{name}", Q.TEMPERATURE) for name in _FOREIGN]
    return make_table(
        Place(layout.rack),
        [
            Series(Place(p), q, SPECS[q].reading_class, p.rsplit("/", 1)[-1].upper(), BITS if q is Q.ALARMS else ())
            for p, q in lines
        ],
    )


@cache
def _designed(number: int) -> tuple[Layout, SeriesTable]:
    layout = pair_layout(number)
    return layout, pair_table(layout)


def played_pair() -> tuple[PlayedRack, PlayedRack]:
    """Return the racks k02 and k03 of one domain."""
    first, second = (PlayedRack(*_designed(number)) for number in (2, 3))
    for rack in (first, second):
        for n, series in enumerate(rack.table.gauges):
            if series.quantity is Q.LEVEL:
                rack.gauges[n] = 97.0
            if series.quantity is Q.ROTATION:
                rack.gauges[n] = 3_900.0
            if series.quantity is Q.ALARMS and series.place.rpartition("/")[2].startswith("bbu"):
                rack.gauges[n] = 0b1000
    return first, second
