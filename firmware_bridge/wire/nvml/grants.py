"""What a controller grants a host's GPUs on `….agent.<slot>.cap`, and what its agent says of it: version 1, JSON.

A grant's time is counted on the host, from the moment at which the agent said the message that the grant answers.  So
no clock is compared with another, and a grant that was long under way is short.  Decision 0044.
"""

from typing import Annotated

import msgspec

VERSION = 1
MOST_BYTES = 32 * 1024
_Watts = Annotated[float, msgspec.Meta(gt=0, le=10_000)]
_Index = Annotated[int, msgspec.Meta(ge=0, lt=64)]
_Count = Annotated[int, msgspec.Meta(ge=1, lt=2**53)]


class GpuGrant(msgspec.Struct, frozen=True):
    """One GPU, by the agent's number: at most `limit_w` while the grant lasts, then the lower of it and `standing_w`,
    which holds until another grant comes."""

    gpu: _Index
    limit_w: _Watts
    standing_w: _Watts


class Grant(msgspec.Struct, frozen=True):
    """Limits for every GPU of a host.  A later `epoch` is a later controller; `number` counts up within it.

    It answers the message `heard` of the agent's start `boot`, and lasts `valid_for_s` from when that was said.
    """

    version: int
    epoch: _Count
    number: _Count
    boot: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    heard: _Count
    valid_for_s: Annotated[float, msgspec.Meta(gt=0, le=60)]
    gpus: Annotated[list[GpuGrant], msgspec.Meta(max_length=64)]


class HeldGpu(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the driver keeps of one GPU now, W, read back: the limit that is set in band, and the one that is enforced,
    the lowest of all there are.  `refused`: why it is not what was granted."""

    gpu: int
    limit_w: float | None = None
    enforced_w: float | None = None
    refused: str = ""


class HeldGrant(msgspec.Struct, frozen=True, omit_defaults=True):
    """The grant that an agent keeps; `left_s` of its time (0: it is over, GPUs stand at their standing limits), and
    why it did not take the last message."""

    epoch: int
    number: int
    left_s: float = 0.0
    refused: str = ""
    gpus: list[HeldGpu] = []


class _Version(msgspec.Struct):
    version: int


_decoder, _version = msgspec.json.Decoder(Grant), msgspec.json.Decoder(_Version)


def encode_grant(grant: Grant) -> bytes:
    """Return the JSON that travels on `….agent.<slot>.cap`."""
    return msgspec.json.encode(grant)


def decode_grant(body: bytes) -> Grant:
    """Read a grant.  Raises ValueError for too many bytes, another version, a limit that is none, a GPU named twice."""
    if len(body) > MOST_BYTES:
        raise ValueError(f"{len(body)} bytes, at most {MOST_BYTES}")
    version = _version.decode(body).version
    if version != VERSION:
        raise ValueError(f"version {version}, this agent reads {VERSION}")
    grant = _decoder.decode(body)
    if len({each.gpu for each in grant.gpus}) < len(grant.gpus):
        raise ValueError("a GPU is named twice")
    return grant
