"""Documents of an update service, and the body that carries an image."""

import pytest

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.multipart import parts_of
from firmware_bridge.vocabulary.firmware import FirmwarePart, UpdatePhase, UpdateSight
from firmware_bridge.wire.redfish.updates import apply_time, is_update, part_of, push_parts, update_sight

P = UpdatePhase


@pytest.mark.parametrize(
    ("document", "sight"),
    [
        ({"TaskState": "Running", "PercentComplete": 40}, UpdateSight(P.RUNNING, 40)),
        ({"TaskState": "Pending", "PercentComplete": True}, UpdateSight(P.RUNNING)),
        ({"TaskState": "Completed", "TaskStatus": "OK", "PercentComplete": 100}, UpdateSight(P.DONE, 100)),
        ({"TaskState": "Completed", "TaskStatus": "Critical"}, UpdateSight(P.FAILED)),
        (
            {"TaskState": "Exception", "Messages": [{}, {"Message": "no\x1b room"}]},
            UpdateSight(P.FAILED, None, "no  room"),
        ),
        ({"TaskState": "Whatever", "PercentComplete": 900, "Messages": "?"}, UpdateSight(P.RUNNING)),
    ],
)
def test_how_far_a_task_is(document: dict[str, object], sight: UpdateSight) -> None:
    assert update_sight(document) == sight


def test_parts_and_what_belongs_to_the_update_service() -> None:
    said = {"Id": "FW_BMC_0", "Version": "24.12", "SoftwareId": "0x0010", "WriteProtected": True}
    assert part_of("/fw/FW_BMC_0", said) == FirmwarePart(
        "FW_BMC_0", "/fw/FW_BMC_0", "24.12", "0x0010", updateable=False
    )
    assert part_of("/fw/X", {}) == FirmwarePart("X", "/fw/X", "")
    assert is_update({"Payload": {"TargetUri": "/redfish/v1/UpdateService/update-multipart"}})
    assert not is_update({"Payload": {"TargetUri": "/redfish/v1/Systems/1"}})
    assert not is_update({"Payload": "?"})
    support = "MultipartHttpPushUri@Redfish.OperationApplyTimeSupport"
    assert apply_time({support: {"SupportedValues": ["Immediate", "OnReset"]}}) == "Immediate"
    assert apply_time({support: {"SupportedValues": ["OnReset"]}}) is None


def test_a_body_comes_apart_as_it_was_put_together() -> None:
    image = b"\r\n--other\r\n\x00\xff" * 50
    pieces, kind = push_parts(image, "/fw/FW_BMC_0", "Immediate", "edge")
    assert kind == "multipart/form-data; boundary=edge"
    assert parts_of(b"".join(pieces), b"edge") == {
        "UpdateParameters": b'{"Targets":["/fw/FW_BMC_0"],"@Redfish.OperationApplyTime":"Immediate"}',
        "UpdateFile": image,
    }


@pytest.mark.parametrize("body", [b"", b"--edge\r\n\r\nx", b"--edge\r\nname=?\r\n\r\nx\r\n--edge--", b"--edge--"])
def test_a_body_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(RequestRefused):
        parts_of(body, b"edge")
