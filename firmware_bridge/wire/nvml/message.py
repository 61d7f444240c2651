"""What an agent says of its host once a second: version 1, JSON, complete in itself.  Decision 0021.

A message that is lost costs nothing but a second.  A receiver drops quantities it does not know and refuses another
version.  Times never compare two clocks: values carry their age, events the agent's own time besides.
"""

import msgspec

from firmware_bridge.wire.nvml.grants import HeldGrant

VERSION = 1
MOST_BYTES = 256 * 1024
MOST_GPUS = 64

ACCESS_OK, ACCESS_LOST, ACCESS_RESET, ACCESS_HUNG, ACCESS_FAILING = "ok", "lost", "reset_required", "hung", "failing"
LIBRARY_OK = "ok"


class GpuReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """One GPU.  `values` by quantity in the vocabulary's units, `failed` the reason of each one that is missing.

    `age_s` and `slow_age_s`: how old the values of each group are; `ages_s` names exceptions (a sensor that stands
    still).  `links_down`: links of an active port count that are not up.  `limits_w`: default, min, max.
    """

    index: int
    access: str = ACCESS_OK
    reason: str = ""
    uuid: str = ""
    serial: str = ""
    bus_id: str = ""
    name: str = ""
    values: dict[str, float | int] = {}
    failed: dict[str, str] = {}
    age_s: float = 0.0
    slow_age_s: float = 0.0
    ages_s: dict[str, float] = {}
    limits_w: dict[str, float] = {}
    links_down: list[int] = []
    fabric: list[str] = []
    cluster: str = ""
    clique: int | None = None


class HostReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A host's GPUs.  `library` is `ok`, or why nothing can be read (`library_not_found`, `driver_not_loaded`, …)."""

    library: str = LIBRARY_OK
    driver: str = ""
    nvml: str = ""
    gpus: list[GpuReport] = []


class HostEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of the driver: `kind` is `xid`, `recovery_action` or `gpu_unavailable`; `number` the XID or action.

    `id` counts up within one boot of the agent, so that an event said twice is known; `unix_ns` is the agent's time.
    """

    id: int
    unix_ns: int
    kind: str
    gpu: int | None
    number: int
    text: str = ""


class AgentMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message.  `boot` changes with every start of the agent; `sequence` counts up within it.
    `held`: what it keeps of a controller's grant, None before there was any."""

    version: int
    boot: str
    sequence: int
    unix_ns: int
    uptime_s: float
    host: HostReport
    events: list[HostEvent] = []
    events_lost: int = 0
    held: HeldGrant | None = None


class _Version(msgspec.Struct):
    version: int


_decoder = msgspec.json.Decoder(AgentMessage)
_version = msgspec.json.Decoder(_Version)
encoder = msgspec.json.Encoder(decimal_format="number")


def encode_message(message: AgentMessage) -> bytes:
    """Return the JSON that travels on `….agent.<slot>.telemetry`."""
    return encoder.encode(message)


def decode_message(body: bytes) -> AgentMessage:
    """Read a message.  Raises ValueError for too many bytes, another version, another shape, too many GPUs."""
    if len(body) > MOST_BYTES:
        raise ValueError(f"{len(body)} bytes, at most {MOST_BYTES}")
    version = _version.decode(body).version
    if version != VERSION:
        raise ValueError(f"version {version}, this controller reads {VERSION}")
    message = _decoder.decode(body)
    if len(message.host.gpus) > MOST_GPUS:
        raise ValueError(f"{len(message.host.gpus)} GPUs, at most {MOST_GPUS}")
    return message
