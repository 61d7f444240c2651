"""The emulator's control channel, server side: JSON lines on a UNIX socket of mode 600 in the state directory."""

import asyncio
import datetime
import fnmatch
import json
import math
from collections.abc import Callable
from typing import Any

import msgspec

from firmware_bridge.emulator.control import SOCKET_NAME, short_path
from firmware_bridge.emulator.faults import faults_of
from firmware_bridge.emulator.gpu_work import MOST_SIZE, multiplied
from firmware_bridge.emulator.hall import Hall
from firmware_bridge.vocabulary.errors import EnvironmentUnfit

MOST_LINE = 1 << 20
MOST_STEP_S = 3600.0  # a step is taken at once: an hour holds the loop for a few seconds


class ControlServer:
    """Answers requests about one hall."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._server: asyncio.Server | None = None
        self._verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "set_faults": self._set_faults,
            "add_faults": self._add_faults,
            "clear_faults": self._clear_faults,
            "list_faults": self._list_faults,
            "step": self._step,
            "speed": self._speed,
            "set_demand": self._set_demand,
            "drop_sessions": self._drop_sessions,
            "state": self._state,
            "gpu_hosts": self._gpu_hosts,
            "multiply": self._multiply,
            "gpu_limits": self._gpu_limits,
            "hosts": self._hosts,
            "put_hosts": self._put_hosts,
            "lose_mains": self._lose_mains,
            "set_flash": self._set_flash,
            "instruments": self._instruments,
            "papers": self._papers,
        }

    async def start(self) -> None:
        """Listen.  A socket file left behind by a dead emulator is replaced."""
        path = self._hall.options.state / SOCKET_NAME
        try:
            path.unlink(missing_ok=True)
            with short_path(self._hall.options.state) as short:
                self._server = await asyncio.start_unix_server(self._serve, short, limit=MOST_LINE)
            path.chmod(0o600)
        except OSError as err:
            raise EnvironmentUnfit(f"cannot listen on {path}: {err}", advice="choose another --state") from err

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            (self._hall.options.state / SOCKET_NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    reply = {"ok": True, **self._answer(json.loads(line))}
                except (ValueError, TypeError, KeyError, AttributeError) as err:
                    reply = {"ok": False, "error": _said(err)}
                writer.write(msgspec.json.encode(reply) + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # the caller went away, or sent a line without end
        finally:
            writer.close()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = str(request["verb"])
        act = self._verbs.get(verb)
        if act is None:
            raise ValueError(f"no verb {verb!r}")
        return act(request) or {"time": self._hall.time}

    def _set_faults(self, request: dict[str, Any]) -> None:
        self._hall.faults.set(faults_of(request["faults"]))
        self._hall.advance(0.0)

    def _add_faults(self, request: dict[str, Any]) -> dict[str, Any]:
        hall = self._hall
        faults = faults_of(request["faults"])
        for fault in faults:
            if not hall.holds(fault):
                raise ValueError(f"no emulated place fits {fault.where!r}")
        ids = hall.faults.add(f.from_now(hall.time) if request.get("from_now") else f for f in faults)
        hall.advance(0.0)
        return {"ids": ids}

    def _clear_faults(self, request: dict[str, Any]) -> dict[str, Any]:
        hall, asked = self._hall, request.get("ids")
        known = [a.id for a in hall.faults.armed()]
        unknown = sorted(set(asked or ()) - set(known))
        if unknown:
            raise ValueError(f"no fault {', '.join(unknown)}")
        gone = hall.faults.remove(known if asked is None else asked)
        hall.advance(0.0)
        return {"ids": gone}

    def _list_faults(self, request: dict[str, Any]) -> dict[str, Any]:
        now = self._hall.time
        return {
            "faults": [
                {
                    "id": armed.id,
                    "fault": msgspec.to_builtins(armed.fault),
                    "on": armed.fault.is_on(now) and armed.left != 0,
                    "met": armed.met,
                    "struck": armed.struck,
                }
                for armed in self._hall.faults.armed()
            ]
        }

    def _step(self, request: dict[str, Any]) -> None:
        self._hall.advance(_number(request["seconds"], 0.0, MOST_STEP_S))

    def _speed(self, request: dict[str, Any]) -> None:
        self._hall.speed = _number(request["factor"], 0.0, 1000.0)

    def _set_demand(self, request: dict[str, Any]) -> None:
        share, where = request["share"], str(request.get("where", "*"))
        if not self._hall.set_demand(None if share is None else _number(share, 0.0, 1.5), where) and where != "*":
            raise ValueError(f"no GPU's place fits {where!r}")

    def _drop_sessions(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = [e for e in self._hall.endpoints if fnmatch.fnmatchcase(e.plan.place, str(request["where"]))]
        for endpoint in wanted:
            endpoint.sessions.clear()
        return {"endpoints": len(wanted)}

    def _hosts(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"hosts": [h for bench in self._hall.benches.values() for h in bench.told_hosts()]}

    def _put_hosts(self, request: dict[str, Any]) -> dict[str, Any]:
        on, where = request["on"], str(request["where"])
        if not isinstance(on, bool):
            raise ValueError(f"expected true or false, got {on!r}")
        count = sum(bench.put_hosts(where, on) for bench in self._hall.benches.values())
        if not count:
            raise ValueError(f"no host's place fits {where!r}")
        self._hall.advance(0.0)
        return {"hosts": count}

    def _lose_mains(self, request: dict[str, Any]) -> dict[str, Any]:
        dark, where = _number(request["seconds"], 0.0, MOST_STEP_S), str(request["where"])
        devices = [e.device for e in self._hall.endpoints if e.device.switches]
        struck = [d for d in devices if fnmatch.fnmatchcase(d.tray, where)]
        if not struck:
            raise ValueError(f"no switched tray's place fits {where!r}")
        for device in struck:
            device.lose_mains(dark)
        return {"trays": len(struck)}

    def _set_flash(self, request: dict[str, Any]) -> dict[str, Any]:
        seconds, where = _number(request["seconds"], 0.0, MOST_STEP_S), str(request["where"])
        updaters = [(e.plan.place, e.device.update) for e in self._hall.endpoints if e.device.update is not None]
        chosen = [update for place, update in updaters if fnmatch.fnmatchcase(place, where)]
        if not chosen:
            raise ValueError(f"no endpoint whose firmware can be written fits {where!r}")
        for update in chosen:
            update.seconds = seconds
        return {"endpoints": len(chosen)}

    def _instruments(self, request: dict[str, Any]) -> dict[str, Any]:
        series = [str(name) for name in request.get("series", ())]
        return {"time": self._hall.time, "readings": self._hall.floor_meters.read(str(request["rack"]), series)}

    def _papers(self, request: dict[str, Any]) -> dict[str, Any]:
        today = datetime.datetime.now(datetime.UTC).date()
        return {"papers": self._hall.floor_meters.papers(str(request["rack"]), today)}

    def _gpu_hosts(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"hosts": self._hall.gpu_hosts.told()}

    def _multiply(self, request: dict[str, Any]) -> dict[str, Any]:
        seed, size, times = (int(request[n]) for n in ("seed", "size", "times"))
        if not 1 <= size <= MOST_SIZE or times < 1:
            raise ValueError(f"expected a size of 1 to {MOST_SIZE}, and to be done once at least")
        return multiplied(self._hall.gpu_hosts, str(request["place"]), int(request["gpu"]), seed, size, times)

    def _gpu_limits(self, request: dict[str, Any]) -> dict[str, Any]:
        watts = {int(number): _number(value, 0.0, 1e5) for number, value in request["watts"].items()}
        return {"gpus": self._hall.gpu_hosts.keep_limits(str(request["place"]), watts)}

    def _state(self, request: dict[str, Any]) -> dict[str, Any]:
        hall = self._hall
        racks = []
        for bench in hall.benches.values():
            s = bench.state
            for r, place in enumerate(bench.racks):
                racks.append(
                    {
                        "place": place,
                        "load_w": float(s.tray_power[r].sum() + s.switch_power[r].sum()),
                        "gpu_power_w": float(s.gpu_power[r].sum()),
                        "gpu_limits_w": float(bench.caps[r].sum()),
                        "gpu_limits_in_band_w": float(bench.driver_caps[r].sum()),
                        "shelf_output_w": float(s.psu_output[r].sum()),
                        "shelf_input_w": float(s.psu_input[r].sum()),
                        "hottest_gpu_c": float(s.gpu_die[r].max()),
                        "supply_c": float(s.supply[r]),
                        "return_c": float(s.outlet[r]),
                        "flow_lpm": float(s.flow[r]),
                        "battery_output_w": float(s.bbu_output[r].sum()),
                        "battery_charge_j": float(s.bbu_energy[r].sum()),
                    }
                )
        return {
            "time": hall.time,
            "speed": hall.speed,
            "endpoints": hall.endpoint_count,
            "requests": hall.doorway.gets,
            "connections": len(hall.doorway.state.connections),
            "faults": [msgspec.to_builtins(f) for f in hall.faults.all()],
            "racks": racks,
            "building": {} if hall.building is None else hall.building.told(),
            "lines": [
                {"place": place, "requests": port.line.requests, "spoiled": port.line.spoiled}
                for place, port in hall.serial.ports.items()
            ],
        }


def _said(err: Exception) -> str:
    """Return a refusal in words: ours as they are, those of a request of the wrong shape with what is wrong."""
    if isinstance(err, KeyError):
        return f"the request lacks {err}"
    return str(err) if isinstance(err, ValueError) else f"the request has another shape than expected: {err}"


def _number(value: Any, least: float, most: float) -> float:
    number = float(value)
    if not math.isfinite(number) or not least <= number <= most:
        raise ValueError(f"expected a number from {least} to {most}, got {value!r}")
    return number
