"""What a controller says of messages that a stream has not taken yet: how many wait, how many are lost, and why."""

import msgspec


class OutboxReport(msgspec.Struct, frozen=True):
    """Said on `outbox`, for `stream` (`telemetry` or `event`) of one rack.

    `waiting` and `dropped` count messages, `dropped` since the controller started.  `refusal` says why the stream
    takes nothing now; it is empty while the stream takes what comes.
    """

    stream: str
    waiting: int
    dropped: int
    refusal: str = ""


def encode_report(report: OutboxReport) -> bytes:
    """Return the JSON that travels."""
    return msgspec.json.encode(report)


def decode_report(body: bytes) -> OutboxReport:
    """Read a report.  Raises ValueError for anything else."""
    return msgspec.json.decode(body, type=OutboxReport)
