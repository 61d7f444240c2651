"""The emulator's control channel, client side: one JSON line out, one back, over a UNIX socket.  Blocking and small."""

import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from firmware_bridge.emulator.faults import Fault
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

SOCKET_NAME = "emulator.sock"
_TIMEOUT_S = 30.0


@contextmanager
def short_path(state: Path) -> Iterator[str]:
    """Give a name of the socket that fits into 108 bytes however deep the state directory lies (Linux)."""
    handle = os.open(state, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{SOCKET_NAME}"
    finally:
        os.close(handle)


class EmulatorControl:
    """Talks to the emulator that runs on a state directory.  Every method raises EnvironmentUnfit when none does,
    and ValueError when it refuses."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def set_faults(self, faults: Sequence[Fault | dict[str, Any]]) -> None:
        """Replace all faults; their counters start anew."""
        self.ask("set_faults", faults=[f if isinstance(f, dict) else msgspec.to_builtins(f) for f in faults])

    def add_faults(self, faults: Sequence[Fault | dict[str, Any]], *, from_now: bool = False) -> list[str]:
        """Add faults to those in force and return their ids; `from_now` counts their times from this moment."""
        plain = [f if isinstance(f, dict) else msgspec.to_builtins(f) for f in faults]
        return list(self.ask("add_faults", faults=plain, from_now=from_now)["ids"])

    def list_faults(self) -> list[dict[str, Any]]:
        """Return every fault in force: `id`, `fault`, `on` (now), how often it was `met` and has `struck`."""
        return list(self.ask("list_faults")["faults"])

    def clear_faults(self, ids: Sequence[str] | None = None) -> list[str]:
        """Take out the faults with these ids, or all of them; return the ids that were there."""
        return list(self.ask("clear_faults", ids=None if ids is None else list(ids))["ids"])

    def step(self, seconds: float) -> float:
        """Move emulated time on at once; return the new time in s."""
        return float(self.ask("step", seconds=seconds)["time"])

    def speed(self, factor: float) -> None:
        """Let emulated time run `factor` times as fast; 0 stops it (then `step` moves it)."""
        self.ask("speed", factor=factor)

    def set_demand(self, share: float | None, where: str = "*") -> None:
        """Set the demand of GPUs at a glob of places between idle (0) and maximum (1); None returns to the trace."""
        self.ask("set_demand", share=share, where=where)

    def drop_sessions(self, where: str = "*") -> int:
        """Forget the sessions of endpoints whose place fits the glob; return how many endpoints that were."""
        return int(self.ask("drop_sessions", where=where)["endpoints"])

    def hosts(self) -> dict[str, dict[str, Any]]:
        """Return every tray and shelf that can be switched, by place: `state` (Redfish's word), what was last `asked`
        and `asked_at`, when it was last `off_at` (s of the machine's monotonic clock, None for never) and, of trays,
        `power_w`."""
        return {host.pop("place"): host for host in self.ask("hosts")["hosts"]}

    def put_hosts(self, where: str, *, on: bool) -> int:
        """Let hosts whose place fits the glob be on or off at once, as by hand; return how many those are."""
        return int(self.ask("put_hosts", where=where, on=on)["hosts"])

    def lose_mains(self, where: str, seconds: float) -> int:
        """Take all power from trays whose place fits the glob for so long; return how many those are."""
        return int(self.ask("lose_mains", where=where, seconds=seconds)["trays"])

    def set_flash(self, seconds: float, where: str = "*") -> int:
        """Let images be written in so many emulated seconds from now on; return at how many endpoints."""
        return int(self.ask("set_flash", seconds=seconds, where=where)["endpoints"])

    def instruments(self, rack: str, series: Sequence[str] = ()) -> dict[str, dict[str, float]]:
        """Return what a test floor's instruments show at a rack now, by series (`tray.flow`) and place; of all series,
        or of those named that the emulator knows the truth of."""
        return dict(self.ask("instruments", rack=rack, series=list(series))["readings"])

    def papers(self, rack: str) -> list[dict[str, str | float]]:
        """Return what a floor would note of a rack that is healthy but for what is planted in it, a row for each check
        and place, with the columns of the file that floors hand in."""
        return list(self.ask("papers", rack=rack)["papers"])

    def state(self) -> dict[str, Any]:
        """Return time, speed, faults, `requests` (GETs since the start), each rack's figures (W, °C, L/min)."""
        return self.ask("state")

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and return its reply."""
        try:
            with short_path(self._state) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
                link.settimeout(_TIMEOUT_S)
                link.connect(path)
                link.sendall(json.dumps({"verb": verb, **arguments}).encode() + b"\n")
                with link.makefile("rb") as answers:
                    reply: dict[str, Any] = json.loads(answers.readline())
        except (OSError, ValueError) as err:
            why = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
            raise EnvironmentUnfit(
                f"no emulator answers in {self._state}: {why}", advice="start one with this --state"
            ) from err
        if not reply.get("ok"):
            raise ValueError(reply.get("error", "refused"))
        return reply
