"""What a Redfish sensor measures, in our quantities and units.  Decided by type and unit, never by its name."""

from dataclasses import dataclass, replace

from firmware_bridge.vocabulary.quantities import SPECS, Quantity

# UCUM codes that DSP0268 names for Sensor.ReadingUnits, and shorthands seen in captures -> (our unit, factor, offset).
# Case is meaning here: mW and MW are nine orders of magnitude apart.
UNITS: dict[str, tuple[str, float, float]] = {
    "Cel": ("°C", 1.0, 0.0),
    "C": ("°C", 1.0, 0.0),
    "°C": ("°C", 1.0, 0.0),
    "[degF]": ("°C", 5 / 9, -160 / 9),
    "K": ("°C", 1.0, -273.15),
    "mW": ("W", 1e-3, 0.0),
    "W": ("W", 1.0, 0.0),
    "kW": ("W", 1e3, 0.0),
    "MW": ("W", 1e6, 0.0),
    "mV": ("V", 1e-3, 0.0),
    "V": ("V", 1.0, 0.0),
    "kV": ("V", 1e3, 0.0),
    "mA": ("A", 1e-3, 0.0),
    "A": ("A", 1.0, 0.0),
    "{rev}/min": ("RPM", 1.0, 0.0),
    "mHz": ("Hz", 1e-3, 0.0),
    "Hz": ("Hz", 1.0, 0.0),
    "kHz": ("Hz", 1e3, 0.0),
    "MHz": ("Hz", 1e6, 0.0),
    "GHz": ("Hz", 1e9, 0.0),
    "%": ("%", 1.0, 0.0),
    "L/min": ("L/min", 1.0, 0.0),
    "l/min": ("L/min", 1.0, 0.0),
    "L/s": ("L/min", 60.0, 0.0),
    "l/s": ("L/min", 60.0, 0.0),
    "m3/h": ("L/min", 1e3 / 60, 0.0),
    "Pa": ("kPa", 1e-3, 0.0),
    "kPa": ("kPa", 1.0, 0.0),
    "MPa": ("kPa", 1e3, 0.0),
    "mbar": ("kPa", 0.1, 0.0),
    "bar": ("kPa", 100.0, 0.0),
    "[psi]": ("kPa", 6.894757293168361, 0.0),
    "J": ("J", 1.0, 0.0),
    "kJ": ("J", 1e3, 0.0),
    "MJ": ("J", 1e6, 0.0),
    "W.h": ("J", 3.6e3, 0.0),
    "kW.h": ("J", 3.6e6, 0.0),
    "kWh": ("J", 3.6e6, 0.0),
}
# Whole words, which mean the same in any case.
_WORDS: dict[str, str] = {
    **dict.fromkeys(("celsius", "degc", "degrees c", "deg c", "cel", "°c", "℃"), "Cel"),
    **dict.fromkeys(("fahrenheit", "degf", "degrees f", "deg f", "°f"), "[degF]"),
    **dict.fromkeys(("watt", "watts"), "W"),
    **dict.fromkeys(("kilowatt", "kilowatts"), "kW"),
    **dict.fromkeys(("volt", "volts"), "V"),
    **dict.fromkeys(("amp", "amps", "ampere", "amperes"), "A"),
    **dict.fromkeys(("hertz",), "Hz"),
    **dict.fromkeys(("joule", "joules"), "J"),
    **dict.fromkeys(("percent",), "%"),
    **dict.fromkeys(("rpm", "rev/min", "revolutions per minute"), "{rev}/min"),
    **dict.fromkeys(("lpm",), "L/min"),
    **dict.fromkeys(("pascal", "pascals"), "Pa"),
    **dict.fromkeys(("psi",), "[psi]"),
}
# Sensor.ReadingType (DSP0268) -> (quantity, unit that the type implies when ReadingUnits is absent).
_TYPES: dict[str, tuple[Quantity, str]] = {
    "Temperature": (Quantity.TEMPERATURE, "Cel"),
    "Power": (Quantity.POWER, "W"),
    "Voltage": (Quantity.VOLTAGE, "V"),
    "Current": (Quantity.CURRENT, "A"),
    "Rotational": (Quantity.FAN_SPEED, "{rev}/min"),
    "Frequency": (Quantity.FREQUENCY, "Hz"),
    "EnergyJoules": (Quantity.ENERGY, "J"),
    "EnergykWh": (Quantity.ENERGY, "kW.h"),
    "EnergyWh": (Quantity.ENERGY, "W.h"),
    "LiquidFlow": (Quantity.FLOW, "L/s"),
    "LiquidFlowLPM": (Quantity.FLOW, "L/min"),
    "Pressure": (Quantity.PRESSURE, "Pa"),
    "PressurePa": (Quantity.PRESSURE, "Pa"),
    "PressurekPa": (Quantity.PRESSURE, "kPa"),
    "Heat": (Quantity.HEAT, "kW"),
    "Humidity": (Quantity.HUMIDITY, "%"),
    "LiquidLevel": (Quantity.VALUE, ""),
    "Percent": (Quantity.PERCENT, "%"),
}
_TYPES_IN_ANY_CASE = {name.lower(): name for name in _TYPES}
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


# Sensor.PhysicalContext (DSP0268) of what is a part of an enclosure: its watts are not the enclosure's.
_PARTS = frozenset(
    {
        *("CPU", "CPUSubsystem", "GPU", "GPUSubsystem", "FPGA", "Accelerator", "ASIC", "Memory", "MemorySubsystem"),
        *("PowerSupply", "PowerSupplyBay", "VoltageRegulator", "Rectifier", "StorageDevice", "NetworkingDevice"),
        *("Fan", "CoolingSubsystem", "Motor", "Pump"),
    }
)


def of_a_part(context: object) -> bool:
    """Tell whether a sensor says that it is about a part, by its `PhysicalContext`."""
    return isinstance(context, str) and context in _PARTS


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


def unit_of(stated: str) -> tuple[str, float, float] | None:
    """Return (our unit, factor, offset) for what a device states, None for a unit that we do not know.

    Codes are taken as they are written; only whole words are read in any case.
    """
    return UNITS.get(stated) or UNITS.get(_WORDS.get(stated.lower(), ""))


def unknown_unit(own: tuple[str, float, float]) -> Scale:
    """Return the scale of a number whose sensor says nothing, but that carries a unit (`unit_of`) of its own."""
    return Scale(_BY_UNIT[own[0]], own[0], own[1], own[2])


def scale_of(reading_type: object, reading_units: object, basis: object = None) -> Scale:
    """Return what a sensor measures from its `ReadingType`, `ReadingUnits` and `ReadingBasis`.

    The stated unit wins over the type where they disagree, because the number was made with it; the disagreement is
    kept as `oddity`.  A unit we do not know leaves the number as it is, under quantity `value`.
    """
    if isinstance(reading_type, str) and reading_type not in _TYPES:
        reading_type = _TYPES_IN_ANY_CASE.get(reading_type.lower(), reading_type)
    typed = _TYPES.get(reading_type) if isinstance(reading_type, str) else None
    stated = reading_units.strip() if isinstance(reading_units, str) else ""
    known = unit_of(stated) if stated else None
    if typed is not None:
        scale = _of_type(str(reading_type), typed, stated, known, basis)
        if reading_units is not None and not isinstance(reading_units, str):
            return replace(scale, oddity=f"ReadingUnits is no text: taken as {scale.unit}")
        return scale
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
    if quantity is Quantity.TEMPERATURE and stated == "F":
        known = UNITS["[degF]"]  # without a temperature before it, it is a farad
    unit, factor, offset = known or UNITS[implied]
    if known is None and stated:
        return Scale(Quantity.VALUE, stated, oddity=f"unit {stated!r} is not one we know for {name}")
    if unit != SPECS[quantity].unit:
        return Scale(_BY_UNIT[unit], unit, factor, offset, f"unit {stated!r} does not belong to {name}")
    if quantity is Quantity.TEMPERATURE and basis in ("Delta", "Headroom"):
        return Scale(Quantity.TEMPERATURE_DELTA, "K", factor)
    return Scale(quantity, unit, factor, offset)
