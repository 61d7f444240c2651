"""Whether a scanned part is the one that is meant, by the rack's as-built serial numbers.  Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

_IDENTIFIERS = ("25S", "30T", "1S", "3S", "S/N", "SN", "S")
"""What labels put before a serial number: ANSI MH10.8.2 data identifiers, and how people write them."""
_WORDS = re.compile(r"[a-z0-9-]+(?:/[a-z0-9-]+)*")


class Fit(StrEnum):
    """How a scanned part fits: right, wrong, not known to any record, or nothing to compare it with."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    UNCHECKED = "unchecked"


class Scan(msgspec.Struct, frozen=True):
    """What came of a scan: how it fits, the place that the part belongs to, and the same in words."""

    fit: Fit
    place: str
    said: str


def check(barcode: str, asks: str, built: Mapping[str, str]) -> Scan:
    """Return how a scanned part fits what a person is asked to do.

    `asks` is what they are asked, with the place in it; `built` the serial numbers by place below the rack.
    """
    if not built:
        return Scan(Fit.UNCHECKED, "", "Noted. There are no as-built records to compare it with.")
    wanted = [place for place in _WORDS.findall(asks.lower()) if place in built]
    home = next((place for place, serial in built.items() if is_same(barcode, serial)), "")
    if not home:
        return Scan(Fit.UNKNOWN, "", f"No record of this rack has the serial number {barcode}.")
    if not wanted:
        return Scan(Fit.UNCHECKED, home, f"This is {home}. Nobody asks for a part now.")
    if home in wanted:
        return Scan(Fit.RIGHT, home, f"Right part: this is {home}.")
    return Scan(Fit.WRONG, home, f"Wrong part: this is {home}, {' or '.join(wanted)} is asked for.")


def is_same(barcode: str, serial: str) -> bool:
    """Return whether a barcode is a serial number, with or without what labels put before it."""
    read, wanted = plain(barcode), plain(serial)
    return bool(wanted) and (read == wanted or any(read == plain(mark) + wanted for mark in _IDENTIFIERS))


def plain(text: str) -> str:
    """Return letters and digits alone, in capitals: scanners and people differ in the rest."""
    return re.sub(r"[^A-Z0-9]", "", text.upper())
