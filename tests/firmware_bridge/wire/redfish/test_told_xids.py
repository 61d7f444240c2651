"""XIDs in Redfish events: as a recorded baseboard writes them, as the kernel does, and what is none."""

import json
from typing import Any

import pytest

from firmware_bridge.vocabulary.place import Place, join_place
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.reading import Series
from firmware_bridge.vocabulary.xid import ToldXid
from firmware_bridge.wire.redfish.documents import Decoder, Sensor
from firmware_bridge.wire.redfish.events import records_of
from firmware_bridge.wire.redfish.plan import Extract, Fetch, Plan
from firmware_bridge.wire.redfish.told_xids import told_xids

TRAY = Place("s/a/r01/k01/u11")
CHASSIS = "/redfish/v1/Chassis/HGX_GPU_SXM_1"
SEEN = "[Thu Dec 7 02:27:24 UTC 2023][1][00] XID 62 badf5723(badf5723) badf5723 badf5723"  # capture dgx-h100-8gpu


def plan(*parts: str) -> Plan:
    """Return a plan that reads a sensor of each part below the GPU's chassis."""
    fetches = tuple(
        Fetch(f"{CHASSIS}/Sensors/{part}", Decoder(Sensor), (Extract(_series(part), "Reading"),)) for part in parts
    )
    return Plan({ReadingClass.POWER: fetches})


def _series(part: str) -> Series:
    return Series(join_place(TRAY, part), Quantity.POWER, ReadingClass.POWER)


def told(read: Plan, text: str = "", args: Any = None, origin: str = CHASSIS) -> list[ToldXid]:
    record = {"MessageId": "ResourceEvent.1.0.ResourceErrorsDetected", "Message": text, "MessageArgs": args}
    record |= {"OriginOfCondition": {"@odata.id": origin}, "EventTimestamp": "2023-12-07T02:27:24Z"}
    body = json.dumps({"Events": [record]}).encode()
    return told_xids(records_of(body, "https://192.0.2.1:443", 10_000), read, join_place(TRAY, "bmc"))


def test_a_recorded_line_is_put_at_the_gpu_that_is_read_below_its_origin() -> None:
    text = f"The resource property GPU_SXM_1 Driver Event Message has detected errors of type '{SEEN}'."
    (xid,) = told(plan("gpu0", "hsc0"), text, ["GPU_SXM_1 Driver Event Message", SEEN])
    assert (xid.place, xid.number, xid.pci) == (f"{TRAY}/gpu0", 62, "")
    assert (xid.text.split()[0], xid.told_at) == ("badf5723(badf5723)", "2023-12-07T02:27:24Z")
    assert told(plan("gpu0"), text) == [ToldXid(xid.place, 62, SEEN.partition(" XID 62 ")[2], "", xid.told_at)]


@pytest.mark.parametrize("read", [plan(), plan("hsc0"), plan("gpu0", "gpu1")])
def test_a_line_whose_gpu_is_not_known_is_the_trays(read: Plan) -> None:
    (xid,) = told(read, args=[SEEN])
    assert xid.place == TRAY


def test_the_kernels_own_form_names_the_address() -> None:
    (xid,) = told(
        plan(), "NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6)", origin=""
    )
    assert (xid.number, xid.pci, xid.place) == (149, "0018:01:00", TRAY)
    assert xid.text.startswith("NETIR_LINK_EVT Fatal")


@pytest.mark.parametrize(
    "text", ["", "SXID 12028", "XID", "XID one", "XID 123456", "TAXID 62", "the XID log was cleared"]
)
def test_other_words_are_no_xid(text: str) -> None:
    assert told(plan("gpu0"), text, [text]) == []
