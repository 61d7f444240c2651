"""Every kind of fault is carried out by somebody, described, and on the page that people read."""

import re
from pathlib import Path

import msgspec
import pytest

from firmware_bridge.emulator.fault_kinds import CERTIFICATES, KINDS, FaultKind, Layer, kinds_of
from firmware_bridge.emulator.faults import Fault
from firmware_bridge.emulator.reply_strikes import STRIKES

PAGE = Path(__file__).parents[3] / "docs" / "emulator-and-faults.md"


def test_every_kind_has_a_layer_and_a_description() -> None:
    assert set(KINDS) == set(FaultKind)
    assert all(spec.layers and spec.does for spec in KINDS.values())


def test_every_reply_fault_has_its_strike_and_every_certificate_its_kind() -> None:
    assert set(STRIKES) == kinds_of(Layer.REPLY)
    assert set(CERTIFICATES) == kinds_of(Layer.CERTIFICATE)


@pytest.mark.parametrize("kind", FaultKind)
def test_the_details_that_a_kind_reads_are_fields(kind: FaultKind) -> None:
    fields = {f.encode_name for f in msgspec.structs.fields(Fault)}
    assert set(KINDS[kind].reads) <= fields


def test_the_page_names_every_kind() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text()))
    assert set(FaultKind) <= named, sorted(set(FaultKind) - named)
