"""Paths: one canonical form, nothing ambiguous."""

import pytest

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.uri import normalise


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"/redfish/v1", "/redfish/v1"),
        (b"/redfish/v1/", "/redfish/v1"),
        (b"/redfish/v1/%24metadata", "/redfish/v1/$metadata"),
        (b"/redfish/v1/Chassis/A%2DB", "/redfish/v1/Chassis/A-B"),
        (b"/", "/"),
    ],
)
def test_paths_become_canonical(raw: bytes, canonical: str) -> None:
    assert normalise(raw) == canonical


@pytest.mark.parametrize(
    "raw",
    [
        b"/redfish//v1",
        b"/redfish/v1/../v1",
        b"/redfish/./v1",
        b"/redfish/v1/%2e%2e/x",
        b"/redfish/v1%2fChassis",
        b"/redfish/v1/a%5cb",
        b"/redfish/v1/a%00b",
        b"/redfish/v1/a%20b",
        b"/redfish/v1/\xc3\xa9",
        b"redfish/v1",
        b"",
    ],
)
def test_ambiguous_paths_are_refused(raw: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        normalise(raw)
    assert refused.value.http_status == 400


def test_long_paths_are_refused_as_such() -> None:
    with pytest.raises(RequestRefused) as refused:
        normalise(b"/" + b"a" * 3000)
    assert refused.value.http_status == 414
