"""Who an endpoint is: the certificate it shows, and the serial numbers it says after a login."""

import datetime
from dataclasses import dataclass

# What firmware writes where nobody has filled in a serial number; compared in lower case.
NOT_SERIALS = frozenset(
    ("", "n/a", "na", "none", "null", "unknown", "not specified", "default string", "to be filled by o.e.m.", "0")
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as a person compares it.  `pin` is `sha256//<base64 of the SHA-256 of its public key>`."""

    pin: str
    subject: str
    not_before: datetime.datetime | None
    not_after: datetime.datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """What an endpoint says of the part behind it; None where it says nothing of use.

    `serial` is the tray's own; `serials` are all that stand for the whole part (enclosure, system): any may be on its
    label.
    """

    serial: str | None
    serials: tuple[str, ...] = ()
    manufacturer: str | None = None
    model: str | None = None
    part_number: str | None = None
    uuid: str | None = None

    def is_called(self, serial: str) -> bool:
        """Tell whether a serial number, as a person typed it, is one of this part's."""
        wanted = serial.strip().casefold()
        return wanted not in NOT_SERIALS and any(wanted == own.casefold() for own in self.serials)
