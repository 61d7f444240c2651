"""An update service's documents, and the multipart body that carries an image to it (DSP0266 §7.12).  Pure."""

import msgspec

from firmware_bridge.vocabulary.firmware import FirmwarePart, UpdatePhase, UpdateSight
from firmware_bridge.vocabulary.text import scrub
from firmware_bridge.wire.redfish.guard import Document

PUSH_URI = "MultipartHttpPushUri"
APPLY_TIMES = "MultipartHttpPushUri@Redfish.OperationApplyTimeSupport"
UPDATE_SERVICE = "/UpdateService"
MOST_TEXT, MOST_SAID = 80, 200
_FAILED = frozenset({"Exception", "Killed", "Cancelled", "Cancelling", "Interrupted", "Stopping", "Suspended"})
_DONE = "Completed"


def part_of(uri: str, document: Document) -> FirmwarePart:
    """Return a member of a firmware inventory."""
    return FirmwarePart(
        id=scrub(document.get("Id"), MOST_TEXT) or uri.rsplit("/", 1)[-1],
        uri=uri,
        version=scrub(document.get("Version"), MOST_TEXT),
        software_id=scrub(document.get("SoftwareId"), MOST_TEXT),
        updateable=document.get("Updateable") is not False and document.get("WriteProtected") is not True,
    )


def is_update(document: Document) -> bool:
    """Return whether a task is one of the update service."""
    payload = document.get("Payload")
    target = payload.get("TargetUri") if isinstance(payload, dict) else None
    return isinstance(target, str) and UPDATE_SERVICE in target


def update_sight(document: Document) -> UpdateSight:
    """Return how far a task says that its update is.  A state that we do not know is one that goes on."""
    state = document.get("TaskState")
    phase = UpdatePhase.DONE if state == _DONE else UpdatePhase.FAILED if state in _FAILED else UpdatePhase.RUNNING
    if phase is UpdatePhase.DONE and document.get("TaskStatus") == "Critical":
        phase = UpdatePhase.FAILED
    percent = document.get("PercentComplete")
    known = isinstance(percent, int) and not isinstance(percent, bool) and 0 <= percent <= 100
    messages = document.get("Messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    said = last.get("Message") if isinstance(last, dict) else ""
    return UpdateSight(phase, percent if known else None, scrub(said, MOST_SAID))


def apply_time(service: Document) -> str | None:
    """Return when an image is to be applied, in the service's word for at once; None where it is not asked."""
    support = service.get(APPLY_TIMES)
    values = support.get("SupportedValues") if isinstance(support, dict) else None
    return "Immediate" if isinstance(values, list) and "Immediate" in values else None


def push_parts(image: bytes, target: str, apply: str | None, boundary: str) -> tuple[list[bytes], str]:
    """Return the pieces of the body that pushes `image` for `target`, and its content type; nothing is copied.

    `boundary`: text that the image must not hold.
    """
    parameters: dict[str, object] = {"Targets": [target] if target else []}
    if apply is not None:
        parameters["@Redfish.OperationApplyTime"] = apply
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="UpdateParameters"\r\n'
        "Content-Type: application/json\r\n\r\n"
    ).encode()
    middle = (
        f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="UpdateFile"; filename="image.fwpkg"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    return [head, msgspec.json.encode(parameters), middle, image, tail], f"multipart/form-data; boundary={boundary}"
