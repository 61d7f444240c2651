"""What the service answers when it says no: Base registry message ids with our own wording; no device, no transport."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from firmware_bridge.vocabulary.errors import RackwrightError

REGISTRY = "Base.1.19"
MOST_TOLD = 32
"""Faults of one request that are told; a body of a thousand wrong properties gets no thousand messages."""
_SEVERAL = "Several things are wrong with the request; each has a message."


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """HTTP status, severity, wording with `{0}` arguments, and what the caller can do."""

    status: int
    severity: str
    text: str
    resolution: str


SPECS: dict[str, MessageSpec] = {
    "Success": MessageSpec(200, "OK", "The request was carried out.", "None."),
    "GeneralError": MessageSpec(500, "Critical", "The request failed.", "See the other messages."),
    "InternalError": MessageSpec(500, "Critical", "The service failed while it handled the request.", "Try again."),
    "ResourceMissingAtURI": MessageSpec(404, "Critical", "There is no resource at {0}.", "Check the URI."),
    "InvalidURI": MessageSpec(400, "Critical", "The URI {0} is not acceptable.", "Send a plain, normalised path."),
    "OperationNotAllowed": MessageSpec(405, "Critical", "This resource does not support the method.", "See Allow."),
    "NoValidSession": MessageSpec(401, "Critical", "No valid session or credential was given.", "Log in."),
    "ResourceAtUriUnauthorized": MessageSpec(
        401, "Critical", "Access to {0} was refused: {1}.", "Use a correct user name and password."
    ),
    "PasswordChangeRequired": MessageSpec(403, "Critical", "The password must be changed first.", "PATCH {0}."),
    "InsufficientPrivilege": MessageSpec(403, "Critical", "The account lacks the privilege.", "Use another account."),
    "MalformedJSON": MessageSpec(400, "Critical", "The request body is not a JSON object.", "Correct the body."),
    "PayloadTooLarge": MessageSpec(413, "Critical", "The request body is too large.", "Send a smaller body."),
    "PropertyMissing": MessageSpec(400, "Warning", "The property {0} is required.", "Add the property."),
    "PropertyUnknown": MessageSpec(400, "Warning", "The property {0} is not known here.", "Remove the property."),
    "PropertyNotWritable": MessageSpec(400, "Warning", "The property {0} is read-only.", "Remove the property."),
    "PropertyValueTypeError": MessageSpec(400, "Warning", "{0} has the wrong type for {1}.", "Correct the value."),
    "PropertyValueNotInList": MessageSpec(400, "Warning", "{0} is not an allowed value of {1}.", "Use an allowed one."),
    "PropertyValueOutOfRange": MessageSpec(400, "Warning", "{0} is out of range for {1}.", "Use a value in range."),
    "PropertyValueIncorrect": MessageSpec(400, "Warning", "{0} cannot be {1}.", "Use another value."),
    "StringValueTooLong": MessageSpec(400, "Warning", "{0} is longer than {1}.", "Use a shorter text."),
    "ArraySizeTooLong": MessageSpec(400, "Warning", "{0} has more than {1} members.", "Send fewer."),
    "PropertyValueFormatError": MessageSpec(400, "Warning", "{0} is a malformed value of {1}.", "Correct the value."),
    "ResourceAlreadyExists": MessageSpec(409, "Critical", "A {0} whose {1} is {2} exists already.", "Choose another."),
    "ActionNotSupported": MessageSpec(400, "Critical", "The action {0} is not supported here.", "See Actions."),
    "ActionParameterMissing": MessageSpec(400, "Critical", "The action {0} needs the parameter {1}.", "Add it."),
    "ActionParameterValueError": MessageSpec(400, "Warning", "The parameter {0} of {1} is wrong.", "Correct it."),
    "ActionParameterValueConflict": MessageSpec(400, "Warning", "The parameter {0} cannot be {1}.", "Correct it."),
    "ActionParameterNotSupported": MessageSpec(400, "Warning", "{0} is no parameter of the action {1}.", "Remove it."),
    "ActionParameterValueTypeError": MessageSpec(
        400, "Warning", "{0} has the wrong type for parameter {1} of action {2}.", "Correct the value."
    ),
    "ActionParameterValueFormatError": MessageSpec(
        400, "Warning", "{0} is a malformed value of parameter {1} of action {2}.", "Correct the value."
    ),
    "ActionParameterValueNotInList": MessageSpec(
        400, "Warning", "{0} is not an allowed value of parameter {1} of action {2}.", "Use an allowed one."
    ),
    "QueryNotSupported": MessageSpec(501, "Warning", "Querying is not supported here.", "Remove the query."),
    "QueryNotSupportedOnResource": MessageSpec(400, "Warning", "This resource cannot be queried so.", "Remove it."),
    "QueryParameterValueFormatError": MessageSpec(400, "Warning", "{0} is a malformed value of {1}.", "Correct it."),
    "QueryParameterOutOfRange": MessageSpec(400, "Warning", "{0} of {1} is outside {2}.", "Use a value in range."),
    "QueryCombinationInvalid": MessageSpec(400, "Warning", "These query parameters do not combine.", "Drop one."),
    "PreconditionFailed": MessageSpec(412, "Critical", "The resource has changed since.", "Read it again."),
    "PreconditionRequired": MessageSpec(428, "Critical", "The request needs If-Match.", "Read the ETag first."),
    "HeaderInvalid": MessageSpec(400, "Critical", "The header {0} is not acceptable.", "Correct the header."),
    "SessionLimitExceeded": MessageSpec(503, "Critical", "No further session can be opened.", "Close a session."),
    "EventSubscriptionLimitExceeded": MessageSpec(503, "Critical", "No further subscription.", "Delete one."),
    "CreateLimitReachedForResource": MessageSpec(400, "Critical", "There can be no more of them.", "Delete one."),
    "ServiceTemporarilyUnavailable": MessageSpec(503, "Critical", "Not available now; try in {0} s.", "Wait."),
    "ResourceInUse": MessageSpec(409, "Warning", "The resource is busy.", "Try again later."),
}


class RequestRefused(RackwrightError):
    """A request that gets an error body: `message` is the short id (`PropertyUnknown`), `args` fill its wording.

    `related` names properties (JSON pointers) at fault; `headers` are added to the reply; `status` overrides the
    status that the message usually has (a 406 or 415 has no message of its own).  `detail` is a sentence that follows
    the wording: why, where the registry's arguments have no room for it.
    """

    def __init__(
        self,
        message: str,
        *args: str,
        status: int = 0,
        related: tuple[str, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
        detail: str = "",
    ) -> None:
        spec = SPECS[message]
        super().__init__(f"{spec.text.format(*args, *[''] * 3)} {detail}".rstrip())
        self.message, self.arguments, self.related, self.headers = message, args, related, headers
        self.http_status = status or spec.status
        self.message_id = f"{REGISTRY}.{message}"
        self.others: tuple[RequestRefused, ...] = ()


def refuse(faults: Sequence[RequestRefused]) -> None:
    """Raise when there are faults: several become one refusal that has a message for each."""
    if faults:
        faults[0].others = tuple(faults[1:MOST_TOLD])
        raise faults[0]


def extended_info(refusal: RequestRefused) -> dict[str, Any]:
    """Return one `@Message.ExtendedInfo` entry."""
    spec = SPECS[refusal.message]
    info: dict[str, Any] = {
        "@odata.type": "#Message.v1_1_1.Message",
        "MessageId": refusal.message_id,
        "Message": refusal.what,
        "MessageArgs": list(refusal.arguments),
        "MessageSeverity": spec.severity,
        "Resolution": spec.resolution,
    }
    if refusal.related:
        info["RelatedProperties"] = list(refusal.related)
    return info


def error_body(err: RackwrightError) -> dict[str, Any]:
    """Return the Redfish error object for a refusal, or for any error of our tree."""
    if isinstance(err, RequestRefused):
        infos = [extended_info(fault) for fault in (err, *err.others)]
    else:
        infos = [
            {
                "@odata.type": "#Message.v1_1_1.Message",
                "MessageId": err.message_id,
                "Message": err.what,
                # Messages of our own registry are one argument, the sentence itself.
                "MessageArgs": [] if err.message_id.startswith("Base.") else [err.what],
                "MessageSeverity": "Critical",
                "Resolution": err.advice or "None.",
            }
        ]
    first = infos[0] if len(infos) == 1 else {"MessageId": f"{REGISTRY}.GeneralError", "Message": _SEVERAL}
    return {"error": {"code": first["MessageId"], "message": first["Message"], "@Message.ExtendedInfo": infos}}
