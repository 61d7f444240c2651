"""As-found inventory against as-built records: what fits, and what does not with both sides named.  Pure, by columns.

Both sides are tables with `place`, `kind`, `part` and `serial`.  A part is known by its serial number; a place holds
one part.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rack_controller.prove.columns import Mask, codes_of
from rack_controller.prove.fields import KIND, PART, PLACE, SERIAL, TRAY_OF
from rack_controller.prove.fit import WRONG, Fit, Mismatch, Side

Indices = NDArray[np.int64]
NOBODY = -1


FITS = tuple(Fit)
_AT = {fit: at for at, fit in enumerate(FITS)}


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a rack: a row per part; which kinds of part each tray that was read in full told of; and the
    trays that were not read in full."""

    parts: pa.Table
    told: frozenset[tuple[str, str]]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """The match of two tables: per line how it fits and the row of each side, NOBODY where there is none."""

    built: pa.Table
    found: pa.Table
    fit: Indices
    built_row: Indices
    found_row: Indices

    @property
    def counts(self) -> dict[str, int]:
        """How many lines fit how; every kind of fit is there."""
        counted = Counter(self.fit.tolist())
        return {fit.value: counted.get(at, 0) for at, fit in enumerate(FITS)}

    @property
    def wrong(self) -> int:
        """How many lines somebody has to look at."""
        return sum(n for fit, n in self.counts.items() if fit in WRONG)

    def findings(self, most: int, fits: Collection[Fit] = WRONG) -> list[Mismatch]:
        """Return the first lines that fit in one of these ways, by place."""
        lines = np.flatnonzero(np.isin(self.fit, [_AT[f] for f in fits]))[:most]
        return [
            Mismatch(
                FITS[self.fit[n]],
                _side(self.built, int(self.built_row[n])),
                _side(self.found, int(self.found_row[n])),
            )
            for n in lines.tolist()
        ]


def match_parts(built: pa.Table, found: pa.Table, told: Collection[tuple[str, str]]) -> Match:
    """Match what was found against what was built.

    `told`: trays whose endpoints were all read, each with a kind of part that they told of.  Only a part of such a kind
    in such a tray can be missing: an endpoint that never speaks of cables says nothing by its silence.
    """
    places_b, places_f = _joint(built, found, PLACE)
    serials_b, serials_f = _joint(built, found, SERIAL)
    here = _lookup(places_b, places_f)  # the as-built row of each found row's place
    there = _lookup(places_f, places_b)
    same = (here >= 0) & (serials_f >= 0) & (serials_b[here] == serials_f)
    twice = _twice(serials_f)
    done_b = np.zeros(built.num_rows, np.bool_)
    done_b[here[same]] = True
    fit = np.full(found.num_rows, _AT[Fit.UNKNOWN], np.int64)
    with_b = np.where(same, here, NOBODY)
    parts_b, parts_f = _joint(built, found, PART)
    differs = same & (parts_f >= 0) & (parts_b[here] >= 0) & (parts_b[here] != parts_f)
    fit[same] = _AT[Fit.SAME]
    fit[differs] = _AT[Fit.OTHER_PART]

    home = _lookup(np.where(done_b, NOBODY, serials_b), serials_f)  # where a part that is elsewhere should be
    moved = ~same & (home >= 0)
    fit[moved], with_b[moved] = _AT[Fit.MOVED], home[moved]
    done_b[home[moved]] = True

    silent = ~same & ~moved & (here >= 0) & ((serials_f < 0) | (serials_b[here] < 0))
    fit[silent], with_b[silent] = _AT[Fit.UNPROVEN], here[silent]
    done_b[here[silent]] = True
    swapped = ~same & ~moved & ~silent & (here >= 0) & ~done_b[here]
    fit[swapped], with_b[swapped] = _AT[Fit.SWAPPED], here[swapped]
    done_b[here[swapped]] = True
    nameless = (fit == _AT[Fit.UNKNOWN]) & (serials_f < 0)
    fit[nameless] = _AT[Fit.UNPROVEN]
    fit[twice] = _AT[Fit.DUPLICATE]

    left = np.flatnonzero(~done_b)
    gone = _told(built, left, told) & (there[left] < 0)
    rest = np.where(gone | (there[left] >= 0), _AT[Fit.MISSING], _AT[Fit.UNREAD])
    return _sorted(
        built,
        found,
        np.concatenate([fit, rest]),
        np.concatenate([with_b, left]),
        np.concatenate([np.arange(found.num_rows), np.full(len(left), NOBODY)]),
    )


def _joint(built: pa.Table, found: pa.Table, name: str) -> tuple[Indices, Indices]:
    """Return one column of both sides as indices into the same values; -1 where it is null.

    Serial and part numbers are compared without regard to case: devices and labels differ in it.
    """
    sides = [_plain(built.column(name)), _plain(found.column(name))]
    both = pa.chunked_array([*sides[0].chunks, *sides[1].chunks], pa.string())
    codes, _ = codes_of(both if name == PLACE else pc.utf8_upper(both))
    return codes[: built.num_rows], codes[built.num_rows :]


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(pa.string()) if pa.types.is_dictionary(values.type) else values


def _lookup(keys: Indices, wanted: Indices) -> Indices:
    """Return for each wanted code the first row that has it, -1 for none."""
    size = int(max(keys.max(initial=-1), wanted.max(initial=-1))) + 2
    table = np.full(size, NOBODY, np.int64)
    given = np.flatnonzero(keys >= 0)[::-1]
    table[keys[given]] = given
    return np.where(wanted >= 0, table[wanted], NOBODY)


def _twice(serials: Indices) -> Mask:
    counts = np.bincount(serials[serials >= 0], minlength=1)
    return (serials >= 0) & (counts[np.maximum(serials, 0)] > 1) if len(serials) else serials.astype(np.bool_)


def _told(built: pa.Table, rows: Indices, told: Collection[tuple[str, str]]) -> Mask:
    some = built.select([PLACE, KIND]).take(pa.array(rows))
    trays = pc.replace_substring_regex(some.column(PLACE), TRAY_OF, r"\1")
    both = pc.binary_join_element_wise(trays, _plain(some.column(KIND)), "\n")
    return np.asarray(pc.is_in(both, pa.array(["\n".join(pair) for pair in told], pa.string())).to_numpy(), np.bool_)


def _sorted(built: pa.Table, found: pa.Table, fit: Indices, built_row: Indices, found_row: Indices) -> Match:
    order = np.lexsort((found_row, np.where(built_row < 0, built.num_rows, built_row)))
    return Match(built, found, fit[order], built_row[order], found_row[order])


def _side(table: pa.Table, row: int) -> Side | None:
    if row < 0:
        return None
    return Side(*(table.column(name)[row].as_py() for name in (PLACE, KIND, PART, SERIAL)))
