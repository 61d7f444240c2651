"""Where an installation keeps what is its own: its site file, and its designs of racks.  Names places, reads no design.

Processes that are given a state directory alone find the site file by the note that the controller leaves there.
"""

import contextlib
import os
from pathlib import Path

GENERATIONS = "generations"
SITE_NOTE = Path("controller") / "site-file"


def own_generations(state: Path, site: Path | None = None) -> tuple[Path, ...]:
    """Return the folders with generations of an installation's own, which come before those that ship.

    They are in its state directory and beside its site file: `site`, or the one that its controller has read last.
    """
    return tuple(dict.fromkeys(root / GENERATIONS for root in (state, (site or site_file(state)).parent)))


def site_file(state: Path) -> Path:
    """Return the site file that a state directory's controller has read last, else where it lies by default."""
    with contextlib.suppress(OSError):  # no note, or one of a place that this process may not look into
        noted = Path(os.fsdecode((state / SITE_NOTE).read_bytes().removesuffix(b"\n")))
        if noted.is_file():
            return noted
    return state / "site.yaml"


def note_site_file(state: Path, site: Path) -> None:
    """Leave a note of which site file the controller reads, for processes that are not told.

    A full disk is no reason to let racks go: where no note can be left, the old one counts.
    """
    path = state / SITE_NOTE
    fresh = path.with_name(f"{path.name}.new")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(os.fsencode(site.absolute()) + b"\n")  # a folder's name may be no UTF-8
        os.replace(fresh, path)
