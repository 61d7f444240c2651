"""A what-if played on the plant, in a process of its own: the controller's loops go on meanwhile."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ArgumentsInvalid
from rack_controller.decide.supply.whatif import HallWith
from rack_controller.model.power_view import PlayedRacks

WITHIN_S = 14.0  # whoever asks waits 15 s
MODULE = "rack_controller.powerbench.play_racks"


@dataclass(slots=True)
class PlayedWhatIf:
    """One at a time.  `search`: folders with generations of one's own."""

    search: Sequence[Path] = ()
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def play(self, hall: HallWith, load: str) -> PlayedRacks:
        """Return what the plant says.  Raises ArgumentsInvalid with the reason where it cannot be asked that."""
        rows = [{"name": r.name, "kind": r.kind, "watts": r.watts, "share": r.share.tolist()} for r in hall.above]
        racks = [rack.generation for rack in hall.racks]
        asked = {
            "generations": racks,
            "rows": rows,
            "like": hall.at,
            "load": load,
            "search": [str(s) for s in self.search],
        }
        async with self._turn:
            code, out, err = await _run(msgspec.json.encode(asked))
        if code == 0:
            return msgspec.json.decode(out, type=PlayedRacks)
        raise ArgumentsInvalid(err.decode(errors="replace")[-400:] or "the plant gave no answer", advice="load step")


async def _run(body: bytes) -> tuple[int | None, bytes, bytes]:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", MODULE, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        out, err = await asyncio.wait_for(child.communicate(body), WITHIN_S)
    except TimeoutError as late:
        raise ArgumentsInvalid(f"the plant took more than {WITHIN_S:g} s", advice="ask for fewer racks") from late
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return child.returncode, out, err
