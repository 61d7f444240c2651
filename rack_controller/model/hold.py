"""An endpoint that is held, because it shows another certificate than the pinned one."""

import msgspec


class Hold(msgspec.Struct, frozen=True):
    """Why an endpoint is not read.  `shown` is the pin it showed; times of the certificate in ISO 8601."""

    place: str
    pinned: str
    shown: str
    subject: str
    not_before: str | None
    not_after: str
    since_unix_ns: int

    @property
    def reason(self) -> str:
        """Return the reason in an operator's words."""
        return f"shows the certificate {self.shown}, pinned is {self.pinned}"


def encode_hold(hold: Hold) -> str:
    """Return the JSON that the journal keeps."""
    return msgspec.json.encode(hold).decode()


def decode_hold(text: str) -> Hold:
    """Read what the journal kept.  Raises ValueError."""
    return msgspec.json.decode(text, type=Hold)
