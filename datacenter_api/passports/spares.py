"""Which import is the newest that recorded a part, by serial number: a file is looked through once.  Judges nothing."""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from firmware_bridge.vocabulary.errors import EnvironmentUnfit

Serials = Callable[[str], pa.ChunkedArray]
"""Reads the serial numbers of an import's file, by its SHA-256.  Raises EnvironmentUnfit."""


class SparesSeen:
    """Serial numbers of spares, each with how far imports were looked through and the newest that has it."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def newest(self, wanted: Iterable[str], imports: Sequence[tuple[int, str]], read: Serials) -> dict[str, int]:
        """Return the newest import that recorded each serial number, 0 for none.

        `imports`: number and SHA-256, the oldest first.  A file that cannot be read may hold any of them, and is looked
        at again the next time.
        """
        found = {serial: self._seen.get(serial, (0, 0)) for serial in wanted}
        doubted: dict[str, int] = {}
        for number, sha256 in imports:
            due = [serial for serial, (until, _) in found.items() if until < number and serial not in doubted]
            if not due:
                continue
            try:
                serials = read(sha256)
            except EnvironmentUnfit:
                doubted |= dict.fromkeys(due, number)
                continue
            there = set(serials.filter(pc.is_in(serials, pa.array(due, pa.string()))).to_pylist())
            found |= {s: (number, number if s in there else found[s][1]) for s in due}
        self._seen |= found
        return {serial: max(at, doubted.get(serial, 0)) for serial, (_, at) in found.items()}
