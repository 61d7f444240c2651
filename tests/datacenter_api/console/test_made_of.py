"""What an endpoint is made of: not read yet and failed are told as such, notes are seen, text is escaped."""

from datacenter_api.console.fetched import ReportState
from datacenter_api.console.made_of import MOST_ITEMS, draw_report
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, ItemKind, Note
from rack_controller.model.report import stored_report

HOSTILE = '"><script>alert(1)</script>'


def state(report: EndpointReport, error: str = "", again: bool = False) -> ReportState:
    return ReportState(stored_report(report, 1_800_000_000_000_000_000, 3.0, again, error), waiting=False, error="")


def test_not_asked_not_read_and_failed_are_three_things() -> None:
    assert "Asking the controller" in draw_report("k/u12/bmc", None)
    waiting = draw_report("k/u12/bmc", ReportState(None, waiting=True, error="being read since 3 s"))
    assert "Not read yet: being read since 3 s" in waiting
    assert "No report: login refused" in draw_report(
        "k/u12/bmc", ReportState(None, waiting=False, error="login refused")
    )


def test_parts_firmware_and_notes_are_listed() -> None:
    report = EndpointReport(
        {"place": "p", "vendor": "Maker", "firmware": None},
        (Item(ItemKind.GPU, "GPU_0", part_number="PN", serial_number="SN"),),
        firmware=(FirmwareItem("BMC", "1.2", "/redfish/v1/f"),),
        notes=(Note("/redfish/v1/x", "SerialNumber", "says 'N/A': taken as absent"),),
    )
    drawn = draw_report("k/u12/bmc", state(report))
    for told in ("Maker", "GPU_0", "PN", "SN", "1.2", "taken as absent", "Parts <b>1</b>", "Notes <b>1</b>"):
        assert told in drawn
    assert "<dt>firmware</dt>" not in drawn, "what is not known is left out, not guessed"
    assert "reading again failed: timed out" in draw_report("k/u12/bmc", state(report, error="timed out"))
    assert "being read again" in draw_report("k/u12/bmc", state(report, again=True))


def test_text_from_devices_is_escaped_and_the_list_ends() -> None:
    report = EndpointReport(
        {"product": HOSTILE, HOSTILE: "x"},
        tuple(Item(ItemKind.OTHER, HOSTILE, part_number=HOSTILE) for _ in range(MOST_ITEMS + 2)),
        firmware=(FirmwareItem(HOSTILE, HOSTILE, HOSTILE),),
        notes=(Note("u", "p", HOSTILE),),
    )
    drawn = draw_report(f"k/{HOSTILE}", state(report, error=HOSTILE))
    assert "<script" not in drawn
    assert "and 2 more lines" in drawn
