"""Whatever bytes a device sends: a document, a report or a declared refusal, and never anything else."""

import string
from typing import Any

import msgspec
from hypothesis import given, note, settings
from hypothesis import strategies as st

from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.wire.redfish import documents
from firmware_bridge.wire.redfish.documents import Decoder
from firmware_bridge.wire.redfish.guard import DocumentFault, parse, scrub
from firmware_bridge.wire.redfish.inventory import report_of
from firmware_bridge.wire.redfish.links import every_link, local_path, tidy

# The property names that our code looks at, so that hostile values land where they can do harm.
NAMES = [
    *("@odata.id", "@odata.type", "Id", "Name", "Members", "Members@odata.nextLink", "Status", "State", "Health"),
    *("Reading", "ReadingType", "ReadingUnits", "ReadingBasis", "SetPoint", "DataSourceUri", "SerialNumber", "UUID"),
    *("ProcessorType", "DetectorState", "PowerState", "CapacityWatts", "Version", "RelatedItem", "Links", "Location"),
    *("PowerWatts", "MetricValues", "MetricProperty", "MetricValue", "Temperatures", "Fans", "PowerSupplies", "error"),
    *("Actions", "#ComputerSystem.Reset", "PumpSpeedPercent", "ChassisType", "@Redfish.Settings", "SettingsObject"),
]
SCHEMAS = ["Sensor", "Processor", "PowerSupply", "Chassis", "LeakDetector", "SoftwareInventory", "Thermal", "Power"]
URIS = ["/redfish/v1", "/redfish/v1/Chassis", "/redfish/v1/Chassis/A/Sensors", "/redfish/v1/Chassis/A/Sensors/1"]
WORDS = st.sampled_from([*NAMES, *URIS, *(f"#{s}.v1_0_0.{s}" for s in SCHEMAS), "nan", "5500", "Absent", "On"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), WORDS, st.just("\ud800"), st.just("")
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=25,
)
TYPES = [t for t in vars(documents).values() if isinstance(t, type) and issubclass(t, msgspec.Struct)]
DECODERS = {(t, array): Decoder(t, array=array) for t in TYPES for array in ("", "Members", "MetricValues")}


@given(st.dictionaries(st.sampled_from(URIS) | st.text(max_size=30), VALUES, max_size=6))
def test_any_tree_becomes_a_report(tree: dict[str, Any]) -> None:
    report = report_of(tree)
    assert isinstance(report, EndpointReport)
    assert all(r.value - r.value == 0 for r in report.readings)
    msgspec.json.encode(report)


@given(VALUES)
def test_links_of_anything_can_be_listed(value: Any) -> None:
    for link in every_link(value, frozenset({"Links"})):
        try:
            local_path(link)
        except ValueError:
            continue
        tidy(link)


@settings(max_examples=300)
@given(value=VALUES, cut=st.integers(0, 200))
def test_any_bytes_are_decoded_or_refused_by_name(value: Any, cut: int) -> None:
    """Each value goes to every decoder: making one up costs more than decoding it fifty times."""
    raw = repr(value).encode("utf-8", "surrogatepass")
    for sent in (msgspec.json.encode(_encodable(value)), raw, raw[:cut], b"[" * cut, b""):
        for (kind, array), decoder in DECODERS.items():
            try:
                decoder(sent)
            except DocumentFault:
                continue
            except Exception:
                note(f"{kind.__name__}, array {array!r}, {sent!r}")
                raise


@given(st.binary(max_size=300) | st.text(alphabet=string.printable, max_size=300).map(str.encode))
def test_any_bytes_are_parsed_or_refused_by_name(raw: bytes) -> None:
    try:
        assert isinstance(parse(raw), dict)
    except DocumentFault:
        return


@given(st.text(alphabet='[]{}"\\a,:', max_size=60).map(str.encode), st.integers(1, 4))
def test_cutting_strings_by_quotes_finds_the_same_depth_as_matching_them(raw: bytes, most_depth: int) -> None:
    def verdict(text: bytes) -> str:
        try:
            parse(text, most_depth=most_depth)
        except DocumentFault as err:
            return type(err).__name__
        return "taken"

    # A backslash anywhere makes the slow, exact way be taken: outside of strings it is not JSON either way.
    if b"\\" not in raw and verdict(b'{"a": ' + raw + b"}") == "taken":
        assert verdict(b'{"b": "\\\\", "a": ' + raw + b"}") == "taken"


@given(VALUES)
def test_scrubbed_text_is_one_printable_line(value: Any) -> None:
    line = scrub(value, 50)
    assert len(line) <= 50
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in line)


def _encodable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_encodable(k): _encodable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_encodable(v) for v in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
