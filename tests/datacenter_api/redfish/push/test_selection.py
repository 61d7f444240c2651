"""Which events a subscription wants."""

from typing import Any

import pytest

from datacenter_api.redfish.push.selection import Selection

TRAY, RACK = "/redfish/v1/Chassis/k01-u12", "/redfish/v1/Chassis/k01"
RECORD: dict[str, Any] = {
    "EventType": "Alert",
    "MessageId": "Rackwright.1.0.LeakCritical",
    "MessageSeverity": "Critical",
    "OriginOfCondition": {"@odata.id": TRAY},
}


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        ({}, True),
        ({"event_types": ("Alert",)}, True),
        ({"event_types": ("StatusChange",)}, False),
        ({"registry_prefixes": ("Base", "Rackwright")}, True),
        ({"registry_prefixes": ("Base",)}, False),
        ({"resource_types": ("Chassis",)}, True),
        ({"resource_types": ("ComputerSystem",)}, False),
        ({"message_ids": ("Rackwright.1.0.LeakCritical",)}, True),
        ({"message_ids": ("Rackwright.LeakCritical",)}, True),
        ({"message_ids": ("Rackwright.1.0.PowerOff",)}, False),
        ({"severities": ("Critical", "Warning")}, True),
        ({"severities": ("OK",)}, False),
        ({"origin_resources": (TRAY,)}, True),
        ({"origin_resources": (RACK,)}, False),
        ({"origin_resources": (RACK,), "subordinate_resources": True}, True),
        ({"origin_resources": ("/redfish/v1/Chassis",), "subordinate_resources": True}, True),
        ({"origin_resources": ("/redfish/v1/Chassis/k0",), "subordinate_resources": True}, False),
        ({"exclude_registry_prefixes": ("Rackwright",)}, False),
        ({"exclude_message_ids": ("Rackwright.LeakCritical",)}, False),
        ({"registry_prefixes": ("Rackwright",), "severities": ("OK",)}, False),
    ],
)
def test_everything_that_is_set_must_hold(wish: dict[str, Any], wanted: bool) -> None:
    assert Selection(**wish).wants(RECORD, (RACK,)) is wanted


def test_an_event_of_nothing_in_particular_is_wanted_by_whoever_sets_no_origin() -> None:
    assert Selection().wants({"MessageId": "x"})
    assert not Selection(origin_resources=(RACK,), subordinate_resources=True).wants({"MessageId": "x"})
