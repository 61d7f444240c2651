"""Typed documents of the hot path: only what a reading needs is decoded, everything else is skipped by the parser."""

from typing import Any, TypeVar

import msgspec

from firmware_bridge.wire.redfish.guard import DocumentMalformed, decoded

Typed = TypeVar("Typed", bound=msgspec.Struct)
# Values stay `Any` on purpose: a device that sends text where a number belongs loses that number, not the document.


class ResourceStatus(msgspec.Struct):
    """`Status` of any resource."""

    State: Any = None
    Health: Any = None


class Excerpt(msgspec.Struct):
    """A sensor excerpt or control excerpt inside another resource."""

    Reading: Any = None
    SetPoint: Any = None
    DataSourceUri: Any = None


class Resource(msgspec.Struct):
    """What every resource may have; `uri` is set inside expanded collections."""

    uri: str = msgspec.field(name="@odata.id", default="")
    Id: Any = None
    Name: Any = None
    Status: ResourceStatus | None = None


class Sensor(Resource):
    """Sensor (DSP0268 Sensor 1.12)."""

    Reading: Any = None
    ReadingUnits: Any = None
    ReadingType: Any = None
    ReadingBasis: Any = None


class EnvironmentMetrics(Resource):
    """EnvironmentMetrics 1.5 of a processor, a chassis or a cooling unit."""

    PowerWatts: Excerpt | None = None
    TemperatureCelsius: Excerpt | None = None
    PowerLimitWatts: Excerpt | None = None
    EnergyJoules: Excerpt | None = None
    EnergykWh: Excerpt | None = None
    HumidityPercent: Excerpt | None = None
    DewPointCelsius: Excerpt | None = None


class LeakDetector(Resource):
    """LeakDetector 1.6."""

    DetectorState: Any = None


class PoweredPart(Resource):
    """A ComputerSystem, Chassis, Manager or PowerSupply seen as something that is on or off."""

    PowerState: Any = None
    LocationIndicatorActive: Any = None
    IndicatorLED: Any = None


class PowerSupplyMetrics(Resource):
    """PowerSupplyMetrics 1.1."""

    OutputPowerWatts: Excerpt | None = None
    InputPowerWatts: Excerpt | None = None
    InputVoltage: Excerpt | None = None
    InputCurrentAmps: Excerpt | None = None
    FrequencyHz: Excerpt | None = None
    TemperatureCelsius: Excerpt | None = None
    EnergykWh: Excerpt | None = None


class CoolantConnector(Resource):
    """CoolantConnector 1.3."""

    FlowLitersPerMinute: Excerpt | None = None
    SupplyTemperatureCelsius: Excerpt | None = None
    ReturnTemperatureCelsius: Excerpt | None = None
    DeltaTemperatureCelsius: Excerpt | None = None
    SupplyPressurekPa: Excerpt | None = None
    ReturnPressurekPa: Excerpt | None = None
    DeltaPressurekPa: Excerpt | None = None
    HeatRemovedkW: Excerpt | None = None
    FlowControlLitersPerMinute: Excerpt | None = None
    SupplyTemperatureControlCelsius: Excerpt | None = None
    DeltaPressureControlkPa: Excerpt | None = None


class Pump(Resource):
    """Pump 1.2."""

    PumpSpeedPercent: Excerpt | None = None


class Reservoir(Resource):
    """Reservoir 1.0."""

    FluidLevelPercent: Excerpt | None = None
    FluidLevelStatus: Any = None


class Thermal(Resource):
    """Thermal 1.7 and older: its arrays are looked into line by line."""

    Temperatures: Any = None
    Fans: Any = None


class Power(Resource):
    """Power 1.7 and older."""

    PowerControl: Any = None
    Voltages: Any = None
    PowerSupplies: Any = None


class LeakDetection(Resource):
    """LeakDetection 1.2: detectors that are lines of its groups."""

    LeakDetectorGroups: Any = None


class Port(Resource):
    """Port 1.4."""

    LinkStatus: Any = None


class MetricValue(msgspec.Struct):
    """One line of a MetricReport 1.5: `uri` is the property it was taken from, the value is text."""

    uri: str = msgspec.field(name="MetricProperty", default="")
    MetricValue: Any = None
    Timestamp: Any = None
    Oem: Any = None
    Status: Any = None  # a report knows none; the sensor itself does

    @property
    def stale(self) -> bool:
        """Tell whether a maker's extension says so: NVIDIA's reports do (capture gb200-compute-tray)."""
        makers = self.Oem.values() if isinstance(self.Oem, dict) else ()
        return any(isinstance(said, dict) and said.get("MetricValueStale") is True for said in makers)


class Link(msgspec.Struct):
    """A reference to another resource."""

    uri: str = msgspec.field(name="@odata.id", default="")


class Members(msgspec.Struct):
    """A collection that lists its members by reference only, or a collection read without `$expand`."""

    members: list[Link] = msgspec.field(name="Members", default_factory=list)
    next_link: str = msgspec.field(name="Members@odata.nextLink", default="")


class Decoder:
    """Bytes to one Struct type, or to the list of them in an array: the members of a collection asked with `$expand`,
    the values of a report."""

    __slots__ = ("_array", "_strict", "_type")

    def __init__(self, kind: type[msgspec.Struct], *, array: str = "") -> None:
        self._type = kind
        self._array = array
        shape: Any = _list_of(kind, array) if array else kind
        if shape not in _DECODERS:
            _DECODERS[shape] = msgspec.json.Decoder(shape)
        self._strict = _DECODERS[shape]

    @property
    def kind(self) -> type[msgspec.Struct]:
        """Return the type of one document, of one member where an array is decoded."""
        return self._type

    def __call__(self, raw: bytes) -> Any:
        """Return the Struct (or a list of them).

        A property of the wrong shape is dropped alone.  Raises DocumentMalformed for what is not JSON.
        """
        try:
            found = decoded(raw, self._strict.decode, shaped=True)
        except msgspec.ValidationError:
            found = self._lenient(raw)
        return found.listed if self._array else found

    def _lenient(self, raw: bytes) -> Any:
        document = decoded(raw, msgspec.json.decode)
        if not isinstance(document, dict):
            raise DocumentMalformed(f"a JSON {type(document).__name__}, expected an object")
        if not self._array:
            return soften(document, self._type)
        array = document.get(self._array)
        listed = [m for m in array if isinstance(m, dict)] if isinstance(array, list) else []
        return _list_of(self._type, self._array)(listed=[soften(m, self._type) for m in listed])


def soften(document: dict[str, Any], kind: type[Typed]) -> Typed:
    """Return `document` as `kind`, each property of the wrong shape left at its default."""
    fitting: dict[str, Any] = {}
    for entry in msgspec.structs.fields(kind):
        if entry.encode_name in document:
            try:
                fitting[entry.name] = msgspec.convert(document[entry.encode_name], entry.type)
            except msgspec.ValidationError:
                continue
    return kind(**fitting)


def _list_of(kind: type[msgspec.Struct], array: str) -> type[Any]:
    if (kind, array) not in _LISTS:
        _LISTS[kind, array] = msgspec.defstruct(
            f"{kind.__name__}{array}",
            [("listed", list[kind], msgspec.field(name=array, default_factory=list))],  # type: ignore[valid-type]
        )
    return _LISTS[kind, array]


# One decoder per type, whoever asks: making one costs as much as several decodes, and it holds no state.
_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
_LISTS: dict[tuple[type[msgspec.Struct], str], type[Any]] = {}
