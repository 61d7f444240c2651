"""The error tree.  Every class carries fields, an HTTP status and a Redfish message id.

RackwrightError
├── ConfigurationError            a file or an option is wrong            (exit 2)
│   ├── FileInvalid               file, line, field, expected
│   └── EnvironmentUnfit          port in use, full disk, too few descriptors, unwritable state directory
├── DeviceError                   something about one endpoint; carries endpoint and verb
│   ├── EndpointUnreachable       no connection, reset, timeout: silence, never "off"
│   ├── EndpointRefused           it answered, and said no
│   │   ├── LoginRefused          401/403: wrong or expired credential
│   │   ├── ResourceMissing       404
│   │   ├── EndpointBusy          409: not in the state it is in now
│   │   └── ActionNotOffered      it does not offer what was asked; nothing was sent
│   ├── OutcomeUnknown            asked to change something, and nobody can tell whether it heard
│   ├── EndpointSpared            not asked now: it is slow, wants a pause, or is being flashed
│   ├── TrustRefused              certificate pin differs, certificate expired, redirect
│   ├── ReplyMalformed            not JSON, NaN, wrong shape, truncated
│   └── ReplyTooLarge             byte, depth or member cap
├── CommandRefused                a command was understood and is not done; carries a code
│   ├── TargetUnknown             no such rack, tray, endpoint
│   ├── ArgumentsInvalid          the verb does not take these arguments
│   ├── RoleInsufficient          the actor's role may not do this
│   ├── PreconditionFailed        revision differs, not armed, locked
│   │   └── Latched               a latch keeps it off until a person clears it
│   ├── DeadlinePassed
│   ├── NotReadYet                asked for what is still being read for the first time
│   ├── WriterTaken               somebody else writes on this console
│   └── RackTaken                 another acceptance run has this rack; carries rack and run
├── AuthenticationRequired        no or wrong login at our own door
└── BusUnavailable                no NATS: the controller carries on, the API says so
"""

from collections.abc import Iterator


class RackwrightError(Exception):
    """Root of every error we raise on purpose.  `advice` says what to do, in one line."""

    http_status: int = 500
    message_id: str = "Base.1.19.InternalError"
    exit_code: int = 1

    def __init__(self, what: str, *, advice: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.what}: {self.advice}" if self.advice else self.what


class ConfigurationError(RackwrightError):
    """A file or an option is wrong."""

    http_status = 400
    message_id = "Base.1.19.GeneralError"
    exit_code = 2


class FileInvalid(ConfigurationError):
    """A seed, site or policy file does not say what it must: file, line (1-based), field, expected."""

    message_id = "Base.1.19.MalformedJSON"

    def __init__(self, file: str, line: int, field: str, expected: str) -> None:
        super().__init__(f"{file}:{line}: {field}: {expected}")
        self.file, self.line, self.field, self.expected = file, line, field, expected


class EnvironmentUnfit(ConfigurationError):
    """The machine is not ready: port taken, disk full, too few file descriptors, state directory unusable."""

    http_status = 503
    message_id = "Base.1.19.ServiceTemporarilyUnavailable"


class DeviceError(RackwrightError):
    """Something about one endpoint; every other endpoint goes on."""

    http_status = 502
    message_id = "Base.1.19.CouldNotEstablishConnection"

    def __init__(self, endpoint: str, verb: str, detail: str = "", *, advice: str = "") -> None:
        super().__init__(f"{endpoint}: {verb}{': ' + detail if detail else ''}", advice=advice)
        self.endpoint, self.verb, self.detail = endpoint, verb, detail


class EndpointUnreachable(DeviceError):
    """No connection, a reset or no reply in time.  Silence is never "off"."""

    http_status = 504


class EndpointRefused(DeviceError):
    """The endpoint answered with an error status."""

    def __init__(
        self, endpoint: str, verb: str, detail: str = "", *, status: int = 0, advice: str = "", retry_after: float = 0.0
    ) -> None:
        super().__init__(endpoint, verb, detail, advice=advice)
        self.status, self.retry_after = status, retry_after


class LoginRefused(EndpointRefused):
    """401 or 403 from the device."""

    exit_code = 4
    message_id = "Base.1.19.ResourceAtUriUnauthorized"


class ResourceMissing(EndpointRefused):
    """404 from the device."""

    message_id = "Base.1.19.ResourceMissingAtURI"


class EndpointBusy(EndpointRefused):
    """409 from the device: it is on its way, or busy with something else."""

    http_status = 409
    message_id = "Base.1.19.ResourceInUse"


class ActionNotOffered(EndpointRefused):
    """The endpoint does not offer the action at all; nothing was sent."""

    http_status = 400
    message_id = "Base.1.19.ActionNotSupported"


class OutcomeUnknown(DeviceError):
    """A change was sent, and no answer tells whether the endpoint heard it.  Look; never repeat blindly."""

    http_status = 504
    message_id = "Base.1.19.OperationTimeout"


class EndpointSpared(DeviceError):
    """We chose not to ask: it is slow, asked for a pause, or is being flashed.  Nothing is known to be wrong."""

    http_status = 503
    message_id = "Base.1.19.ServiceTemporarilyUnavailable"


class TrustRefused(DeviceError):
    """The certificate is not the pinned one, has expired, or the endpoint tried to send us elsewhere (`status` 3xx)."""

    message_id = "Base.1.19.AccessDenied"

    def __init__(self, endpoint: str, verb: str, detail: str = "", *, status: int = 0, advice: str = "") -> None:
        super().__init__(endpoint, verb, detail, advice=advice)
        self.status = status


class ReplyMalformed(DeviceError):
    """The bytes are not what the protocol allows."""

    message_id = "Base.1.19.MalformedJSON"


class ReplyTooLarge(DeviceError):
    """The reply went over a byte, depth or member cap and was cut off."""

    message_id = "Base.1.19.PayloadTooLarge"


class CommandRefused(RackwrightError):
    """Understood and not done.  `code` is stable and machine-readable."""

    http_status = 409
    message_id = "Base.1.19.ActionNotSupported"
    exit_code = 5
    code = "refused"


class TargetUnknown(CommandRefused):
    """No such rack, tray or endpoint."""

    http_status = 404
    message_id = "Base.1.19.ResourceNotFound"
    exit_code = 3
    code = "target_unknown"


class ArgumentsInvalid(CommandRefused):
    """The verb does not take these arguments."""

    http_status = 422
    message_id = "Base.1.19.ActionParameterValueTypeError"
    exit_code = 2
    code = "arguments_invalid"


class RoleInsufficient(CommandRefused):
    """The actor's role may not do this."""

    http_status = 403
    message_id = "Base.1.19.InsufficientPrivilege"
    exit_code = 4
    code = "role_insufficient"


class PreconditionFailed(CommandRefused):
    """The world has moved on since the command was written, or the rack is not armed."""

    http_status = 412
    message_id = "Base.1.19.PreconditionFailed"
    code = "precondition_failed"


class Latched(PreconditionFailed):
    """A latch keeps it off: asking again changes nothing before a person has cleared it."""

    http_status = 409
    message_id = "Rackwright.1.0.Latched"
    code = "latched"


class DeadlinePassed(CommandRefused):
    """Too late to begin."""

    http_status = 504
    message_id = "Base.1.19.OperationTimeout"
    exit_code = 6
    code = "deadline_passed"


class NotReadYet(CommandRefused):
    """What was asked for is being read from the device for the first time; nothing is known before that ends."""

    http_status = 503
    message_id = "Base.1.19.ServiceTemporarilyUnavailable"
    exit_code = 1
    code = "not_read_yet"


class WriterTaken(CommandRefused):
    """One console has one writer, and it is somebody else now."""

    message_id = "Base.1.19.ResourceInUse"
    code = "writer_taken"


class RackTaken(CommandRefused):
    """One rack is under one acceptance run, and it is another one: `rack`, and the `run` that has it."""

    message_id = "Base.1.19.ResourceInUse"
    code = "rack_taken"

    def __init__(self, what: str, *, rack: str = "", run: str = "", advice: str = "") -> None:
        super().__init__(what, advice=advice)
        self.rack, self.run = rack, run


class AuthenticationRequired(RackwrightError):
    """No or wrong login at our own door."""

    http_status = 401
    message_id = "Base.1.19.NoValidSession"
    exit_code = 4


class BusUnavailable(RackwrightError):
    """NATS does not answer.  Racks stay under control; what is above them is blind."""

    http_status = 503
    message_id = "Base.1.19.ServiceTemporarilyUnavailable"


def error_classes(root: type[RackwrightError] = RackwrightError) -> Iterator[type[RackwrightError]]:
    """Yield the whole tree, root first: what tests and the API's error table walk."""
    yield root
    for child in root.__subclasses__():
        yield from error_classes(child)
