"""Which charts there are for a rack and for a tray, made from its layout and its series.  Pure; reads no history."""

from collections.abc import Iterable
from dataclasses import dataclass

from datacenter_api.console.traces import MOST_TRACES, Wish
from datacenter_api.console.wording import slot_of
from datacenter_api.fleet.columns import Columns
from datacenter_api.fleet.summary import parts_of
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import CODES, SPECS, Quantity, SeriesKind
from firmware_bridge.vocabulary.reading import Series
from rack_controller.model.layout import Layout, TrayView

# What a tray's page offers first; any other series is one click away in the table.
_TELLING = (
    Quantity.POWER,
    Quantity.TEMPERATURE,
    Quantity.TEMPERATURE_SUPPLY,
    Quantity.TEMPERATURE_RETURN,
    Quantity.FLOW,
    Quantity.LEVEL,
    Quantity.PUMP_SPEED,
    Quantity.ROTATION,
    Quantity.VOLTAGE,
    Quantity.CURRENT,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One chart that can be asked for.  `id` names it among those of its rack or tray."""

    id: str
    title: str
    unit: str
    wishes: tuple[Wish, ...]


def rack_choices(layout: Layout, columns: Columns) -> list[Choice]:
    """Return the charts that every rack page shows, as far as the rack has what they need."""
    shelves = [Place(t.place) for t in layout.trays if t.kind == TrayKind.POWER_SHELF]
    units = [Place(t.place) for t in layout.trays if t.kind == TrayKind.COOLANT_UNIT]
    gpus = [Place(place) for place in parts_of(layout, "gpu")]
    warm = [
        Wish(f"{slot_of(u)} {name}" if len(units) > 1 else name, ((u, quantity),))
        for u in units
        for name, quantity in (("supply", Quantity.TEMPERATURE_SUPPLY), ("return", Quantity.TEMPERATURE_RETURN))
    ]
    choices = (
        Choice("output", "Shelf output", "W", _sum(columns, shelves, Quantity.POWER)),
        Choice("gpus", "GPU power", "W", _sum(columns, gpus, Quantity.POWER)),
        Choice("coolant", "Coolant", "°C", tuple(w for w in warm if w.keys[0] in columns.index)[:MOST_TRACES]),
        Choice("flow", "Coolant flow", "L/min", _sum(columns, units, Quantity.FLOW)),
    )
    return [choice for choice in choices if choice.wishes]


def tray_choices(tray: TrayView, columns: Columns) -> list[Choice]:
    """Return the charts a tray's page offers: what the tray tells of itself, then each kind of part side by side."""
    found = [
        Choice(f"tray:{q}", _capital(q), SPECS[q].unit, _sum(columns, [Place(tray.place)], q))
        for q in _TELLING
        if (Place(tray.place), q) in columns.index
    ]
    for part in tray.components:
        places = [Place(f"{tray.place}/{part.name}{n}") for n in range(part.count)]
        for quantity in _TELLING:
            wishes = _each(columns, places, quantity)
            if wishes:
                title = f"{part.name.upper()} {_words(quantity)}"
                found.append(Choice(f"{part.name}:{quantity}", title, SPECS[quantity].unit, wishes))
    return found


def series_choice(tray: TrayView, columns: Columns, below: str) -> Choice | None:
    """Return the chart of one series of a tray, given as `gpu0:power` or `:power`; None for what is not there."""
    part, _, quantity = below.rpartition(":")
    if quantity not in list(Quantity) or not charted(Quantity(quantity)):
        return None
    place = Place(f"{tray.place}/{part}" if part else tray.place)
    line = columns.index.get((place, Quantity(quantity)))
    if line is None:
        return None
    series = columns.series[line]
    title = f"{part or slot_of(tray.place)} {_words(Quantity(quantity))}"
    return Choice(f"series:{below}", title, series.unit, _sum(columns, [place], Quantity(quantity)))


def charted(quantity: Quantity) -> bool:
    """Return whether a quantity makes a line: no code and no word of bits, which are told by events."""
    return quantity not in CODES and quantity is not Quantity.ALARMS


def below_of(tray: TrayView, series: Series) -> str:
    """Return how a series of a tray is named in `series_choice`."""
    return f"{series.place.removeprefix(tray.place).lstrip('/')}:{series.quantity}"


def _sum(columns: Columns, places: Iterable[Place], quantity: Quantity) -> tuple[Wish, ...]:
    keys = tuple((place, quantity) for place in places if (place, quantity) in columns.index)
    name = "total" if len(keys) > 1 else slot_of(keys[0][0]) if keys else ""
    return (Wish(name, keys, _period(columns, keys)),) if keys else ()


def _each(columns: Columns, places: Iterable[Place], quantity: Quantity) -> tuple[Wish, ...]:
    keys = [(place, quantity) for place in places if (place, quantity) in columns.index]
    return tuple(Wish(slot_of(key[0]), (key,), _period(columns, (key,))) for key in keys[:MOST_TRACES])


def _period(columns: Columns, keys: tuple[tuple[Place, Quantity], ...]) -> float:
    # A counter is read rarely and only ever grows: its line may be drawn on for longer.
    slow = 2.0 if SPECS[keys[0][1]].kind is SeriesKind.COUNTER else 1.0
    return slow * max(float(columns.period[columns.index[key]]) for key in keys)


def _words(quantity: Quantity) -> str:
    return quantity.replace("_", " ")


def _capital(quantity: Quantity) -> str:
    return _words(quantity).capitalize()
