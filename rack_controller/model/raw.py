"""What an endpoint itself said, as it travels on `state`: bytes that nobody has read."""

import msgspec


class RawView(msgspec.Struct, frozen=True):
    """The body of one GET of `path` at the endpoint `place`."""

    place: str
    path: str
    body: bytes
