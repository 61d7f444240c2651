"""What a Redfish sensor measures, in our quantities and units.  Decided by type and unit, never by its name."""

from dataclasses import dataclass

from firmware_bridge.vocabulary.quantities import SPECS, Quantity

# UCUM codes that DSP0268 names for Sensor.ReadingUnits, and spellings seen in captures -> (our unit, factor, offset).
UNITS: dict[str, tuple[str, float, float]] = {
    "cel": ("°C", 1.0, 0.0),
    "c": ("°C", 1.0, 0.0),
    "°c": ("°C", 1.0, 0.0),
    "degc": ("°C", 1.0, 0.0),
    "celsius": ("°C", 1.0, 0.0),
    "[degf]": ("°C", 5 / 9, -160 / 9),
    "k": ("°C", 1.0, -273.15),
    "w": ("W", 1.0, 0.0),
    "watts": ("W", 1.0, 0.0),
    "kw": ("W", 1000.0, 0.0),
    "mw": ("W", 0.001, 0.0),
    "v": ("V", 1.0, 0.0),
    "volts": ("V", 1.0, 0.0),
    "mv": ("V", 0.001, 0.0),
    "a": ("A", 1.0, 0.0),
    "amps": ("A", 1.0, 0.0),
    "ma": ("A", 0.001, 0.0),
    "rpm": ("RPM", 1.0, 0.0),
    "{rev}/min": ("RPM", 1.0, 0.0),
    "hz": ("Hz", 1.0, 0.0),
    "khz": ("Hz", 1e3, 0.0),
    "mhz": ("Hz", 1e6, 0.0),
    "ghz": ("Hz", 1e9, 0.0),
    "%": ("%", 1.0, 0.0),
    "percent": ("%", 1.0, 0.0),
    "l/min": ("L/min", 1.0, 0.0),
    "lpm": ("L/min", 1.0, 0.0),
    "l/s": ("L/min", 60.0, 0.0),
    "pa": ("kPa", 0.001, 0.0),
    "kpa": ("kPa", 1.0, 0.0),
    "bar": ("kPa", 100.0, 0.0),
    "[psi]": ("kPa", 6.894757293168361, 0.0),
    "j": ("J", 1.0, 0.0),
    "kj": ("J", 1e3, 0.0),
    "w.h": ("J", 3.6e3, 0.0),
    "kw.h": ("J", 3.6e6, 0.0),
    "kwh": ("J", 3.6e6, 0.0),
}
# Sensor.ReadingType (DSP0268) -> (quantity, unit that the type implies when ReadingUnits is absent).
_TYPES: dict[str, tuple[Quantity, str]] = {
    "Temperature": (Quantity.TEMPERATURE, "cel"),
    "Power": (Quantity.POWER, "w"),
    "Voltage": (Quantity.VOLTAGE, "v"),
    "Current": (Quantity.CURRENT, "a"),
    "Rotational": (Quantity.FAN_SPEED, "rpm"),
    "Frequency": (Quantity.FREQUENCY, "hz"),
    "EnergyJoules": (Quantity.ENERGY, "j"),
    "EnergykWh": (Quantity.ENERGY, "kw.h"),
    "EnergyWh": (Quantity.ENERGY, "w.h"),
    "LiquidFlow": (Quantity.FLOW, "l/s"),
    "LiquidFlowLPM": (Quantity.FLOW, "l/min"),
    "Pressure": (Quantity.PRESSURE, "pa"),
    "PressurePa": (Quantity.PRESSURE, "pa"),
    "PressurekPa": (Quantity.PRESSURE, "kpa"),
    "Heat": (Quantity.HEAT, "kw"),
    "Humidity": (Quantity.HUMIDITY, "%"),
    "LiquidLevel": (Quantity.VALUE, ""),
    "Percent": (Quantity.PERCENT, "%"),
}
_BY_UNIT = {
    "°C": Quantity.TEMPERATURE,
    "W": Quantity.POWER,
    "V": Quantity.VOLTAGE,
    "A": Quantity.CURRENT,
    "RPM": Quantity.FAN_SPEED,
    "Hz": Quantity.FREQUENCY,
    "%": Quantity.PERCENT,
    "L/min": Quantity.FLOW,
    "kPa": Quantity.PRESSURE,
    "J": Quantity.ENERGY,
}


@dataclass(frozen=True, slots=True)
class Scale:
    """How one sensor's number becomes ours: `value * factor + offset` in `unit`; `oddity` says what did not fit."""

    quantity: Quantity
    unit: str
    factor: float = 1.0
    offset: float = 0.0
    oddity: str = ""

    def apply(self, value: float) -> float:
        """Return the device's number in our unit; a number that needs no conversion is returned untouched."""
        if self.factor == 1.0 and self.offset == 0.0:
            return value
        return value * self.factor + self.offset


def scale_of(reading_type: object, reading_units: object, basis: object = None) -> Scale:
    """Return what a sensor measures from its `ReadingType`, `ReadingUnits` and `ReadingBasis`.

    The stated unit wins over the type where they disagree, because the number was made with it; the disagreement is
    kept as `oddity`.  A unit we do not know leaves the number as it is, under quantity `value`.
    """
    typed = _TYPES.get(reading_type) if isinstance(reading_type, str) else None
    stated = reading_units.strip() if isinstance(reading_units, str) else ""
    known = UNITS.get(stated.lower()) if stated else None
    if typed is not None:
        return _of_type(str(reading_type), typed, stated, known, basis)
    if known is not None:
        oddity = f"ReadingType {reading_type!r} is not one we know" if reading_type is not None else ""
        return Scale(_BY_UNIT[known[0]], known[0], known[1], known[2], oddity)
    return Scale(Quantity.VALUE, stated or "1", oddity=f"neither type {reading_type!r} nor unit {stated!r} is known")


def _of_type(
    name: str, typed: tuple[Quantity, str], stated: str, known: tuple[str, float, float] | None, basis: object
) -> Scale:
    quantity, implied = typed
    if quantity is Quantity.VALUE:
        return Scale(quantity, stated or "1")
    unit, factor, offset = known or UNITS[implied]
    if known is None and stated:
        return Scale(Quantity.VALUE, stated, oddity=f"unit {stated!r} is not one we know for {name}")
    if unit != SPECS[quantity].unit:
        return Scale(_BY_UNIT[unit], unit, factor, offset, f"unit {stated!r} does not belong to {name}")
    if quantity is Quantity.TEMPERATURE and basis in ("Delta", "Headroom"):
        return Scale(Quantity.TEMPERATURE_DELTA, "K", factor)
    return Scale(quantity, unit, factor, offset)
