"""Which tray an NVOS says it runs on: serial number and model, placeholders left out."""

from typing import Any

import pytest

from firmware_bridge.wire.nvue.identity import answer_of, identity_of

PLATFORM = {
    "manufacturer": "Nvidia",
    "product-name": "N5110_LD",
    "part-number": "920-9K36F",
    "serial-number": "MT2433XZ0001",
    "system-uuid": "b1c2",
}


def test_the_platform_says_which_tray_it_is() -> None:
    who = identity_of(PLATFORM)
    assert (who.serial, who.serials) == ("MT2433XZ0001", ("MT2433XZ0001",))
    assert (who.manufacturer, who.model, who.part_number, who.uuid) == ("Nvidia", "N5110_LD", "920-9K36F", "b1c2")
    assert who.is_called("mt2433xz0001 ")


@pytest.mark.parametrize("serial", [None, "", "N/A", "--", "unknown", 7, {"x": 1}, "\x1b[2J"[:0]])
def test_what_is_no_serial_number_is_none(serial: Any) -> None:
    who = identity_of({**PLATFORM, "serial-number": serial})
    assert (who.serial, who.serials) == (None, ())


def test_one_property_is_answered_and_nothing_is_made_of_what_is_not_there() -> None:
    document = {"tray-index": 3, "deep": {"x": "a\u202eb"}, "list": [1]}
    assert [f.value for f in answer_of(document, "/u", "/tray-index")] == [3]
    assert [f.value for f in answer_of(document, "/u", "/deep/x")] == ["a b"]
    for pointer in ("/none", "/deep", "/list", "/list/0", "/tray-index/x"):
        assert answer_of(document, "/u", pointer) == ()
