"""Identity is place: `<site>/<hall>/<row>/<rack>/<slot>[/<component>]`.  Serial numbers are attributes."""

import re
from functools import lru_cache
from typing import NewType

Place = NewType("Place", str)
"""A validated place, e.g. `tx1/a/r03/k07/u12/gpu2`; a rack is the first four parts, a tray the first five."""

RACK_PARTS = 4
TRAY_PARTS = 5
MOST_PARTS = 6
_PART = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?")


def parse_place(text: str) -> Place:
    """Check `text` and return it as a place.

    Raises ValueError that names the part at fault.  Parts are lower case, 1-64 of `a-z 0-9 _ . -`.
    """
    parts = text.split("/")
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ValueError(f"a place has 1 to {MOST_PARTS} parts (site/hall/row/rack/slot/component), got {text!r}")
    for part in parts:
        if not _PART.fullmatch(part):
            raise ValueError(f"place part {part!r} of {text!r}: expected lower-case letters, digits, '_', '.', '-'")
    return Place(text)


def join_place(parent: Place, *parts: str) -> Place:
    """Return the place below `parent`.  The caller vouches for `parts` (see `slug`)."""
    return Place("/".join((parent, *parts)))


def slug(text: str) -> str:
    """Turn a device's own name into a place part: `PDB_0 HSC/Pwr` becomes `pdb_0_hsc_pwr`.  Never empty."""
    cleaned = re.sub(r"[^a-z0-9_.-]+", "_", text.lower()).strip("_.-")[:64].strip("_.-")
    return cleaned or "unnamed"


def rack_of(place: Place) -> Place:
    """Return the rack that holds `place`.  Raises ValueError for a place above a rack."""
    return _ancestor(place, RACK_PARTS, "rack")


@lru_cache(maxsize=1 << 14)  # the places of detectors and endpoints come by every second
def tray_of(place: Place) -> Place:
    """Return the tray (slot) that holds `place`.  Raises ValueError for a place above a tray."""
    return _ancestor(place, TRAY_PARTS, "tray")


def rack_name(place: Place) -> str:
    """Return the last part of the rack's place, e.g. `k07`: the token used in bus subjects."""
    return rack_of(place).rsplit("/", 1)[1]


def site_of(place: Place) -> str:
    """Return the first part."""
    return place.split("/", 1)[0]


def leaf_of(place: Place) -> str:
    """Return the last part, e.g. `gpu2`."""
    return place.rsplit("/", 1)[-1]


def _ancestor(place: Place, parts: int, what: str) -> Place:
    pieces = place.split("/")
    if len(pieces) < parts:
        raise ValueError(f"{place!r} lies above a {what}")
    return Place("/".join(pieces[:parts]))
