"""An emulator in place of hands: asked over its socket, only for racks that it plays, undone also after a crash."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_bridge.vocabulary.errors import CommandRefused
from rack_controller.acceptance.emulated import EmulatedHands
from rack_controller.acceptance.emulated_floor import ACTOR, TESTER, EmulatedInstruments, logged_at
from rack_controller.acceptance.floor import read_checks
from rack_controller.acceptance.floor_log import FloorLogs
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.watch import NS
from rack_controller.agent.emulated import SOCKET_NAME

RACK = "tx1/a/r03/k07"


class Emulator:
    """Answers as the control channel does, and keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[dict[str, Any]] = []
        self.faults: dict[str, dict[str, Any]] = {}
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(str(folder / SOCKET_NAME))
        self.server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self.server.accept()
            except OSError:
                return
            with link, link.makefile("rwb") as stream:
                request = json.loads(stream.readline())
                self.asked.append(request)
                stream.write(json.dumps(self._answer(request)).encode() + b"\n")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        verb = request["verb"]
        if verb == "state":
            return {"ok": True, "racks": [{"place": RACK}]}
        if verb == "add_faults":
            if "u99" in request["faults"][0]["where"]:
                return {"ok": False, "error": "no emulated place fits"}
            self.faults[f"f{len(self.faults)}"] = request["faults"][0]
            return {"ok": True, "ids": [list(self.faults)[-1]]}
        if verb == "list_faults":
            return {"ok": True, "faults": [{"id": i, "fault": f} for i, f in self.faults.items()]}
        if verb == "instruments":
            known = {"tray.flow": {"u11": 9.1, "u12": None}, "cdu.level": {"u01": 82.0}}
            return {"ok": True, "readings": {n: said for n, said in known.items() if n in request["series"]}}
        if verb == "clear_faults":
            for name in request["ids"]:
                del self.faults[name]
        return {"ok": True}


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    running = Emulator(tmp_path)
    yield running
    running.server.close()


def test_what_is_wetted_is_dried_also_by_a_successor(emulator: Emulator, tmp_path: Path) -> None:
    hands = EmulatedHands.at(tmp_path, RACK)
    assert hands is not None
    hands.do(Act("wet", "u11/leak0"))
    assert emulator.faults == {"f0": {"what": "leak", "level": "warning", "where": f"{RACK}/u11/leak0"}}
    hands.do(Act("stop", "u01/pump1"))
    hands.do(Act("dry", "u11/leak0"))
    successor = EmulatedHands(tmp_path, RACK)
    successor.do(Act("start", "u01/pump1"))
    successor.do(Act("dry", "u12/leak0"))  # nothing to undo
    assert emulator.faults == {}


def test_water_is_warmer_than_usual_once_however_often_it_is_asked_for(emulator: Emulator, tmp_path: Path) -> None:
    hands = EmulatedHands(tmp_path, RACK)
    for kelvin in (3.0, 5.0):
        hands.do(Act("facility", value=kelvin))
    assert list(emulator.faults.values()) == [{"what": "warm_water", "where": f"{RACK}/*", "kelvin": 5.0}]
    EmulatedHands(tmp_path, RACK).do(Act("facility_usual"))
    assert emulator.faults == {}


def test_load_and_mains_are_asked_for(emulator: Emulator, tmp_path: Path) -> None:
    hands = EmulatedHands(tmp_path, RACK)
    one = Act("load_one", "*/gpu1", value=0.5)
    for act in (Act("load", value=0.7), one, Act("load_one", "u12", value=0.4), Act("unload"), Act("cycle_ac")):
        assert hands.can(act.verb)
        hands.do(act)
    whole = f"{RACK}/*"
    assert [(a.get("share"), a["where"]) for a in emulator.asked] == [
        (0.7, whole),
        (0.0, whole),
        (0.5, f"{RACK}/*/gpu1"),
        (0.0, whole),
        (0.4, f"{RACK}/u12/*"),
        (0.0, whole),
        (None, whole),
    ]
    hands.leave()
    assert emulator.asked[-1]["share"] is None, "its own load comes back"
    assert hands.can("pull", "psu")
    assert not hands.can("pull", "tray")
    with pytest.raises(CommandRefused, match="no emulated place fits"):
        hands.do(Act("wet", "u99/leak0"))


def test_what_instruments_show_is_handed_in_as_theirs_and_only_what_the_rack_did_not_tell(
    emulator: Emulator, tmp_path: Path
) -> None:
    meters = EmulatedInstruments(EmulatedHands(tmp_path, RACK), read_checks().instruments, tmp_path, 5 * NS)
    assert logged_at(tmp_path, RACK) == {"tray.flow", "cdu.level"}
    for second in (1.0, 2.0):
        meters.look(second, {"tray", "cdu"}, {"tray.voltage"})
    asked = emulator.asked[-1]["series"]
    assert "tray.flow" in asked
    assert not {"tray.voltage", "gpu.work_rate"} & set(asked)
    meters.look(2.5, {"gpu"}, read_checks().instruments)
    assert emulator.asked[-1]["series"] == asked, "nothing is wanted"
    meters.hand_in({"tray.flow", "rack.voltage"})
    found, used = FloorLogs(tmp_path, RACK).during(0.0, 100.0, {"tray.flow", "cdu.level"})
    assert {n: {p: (t.tolist(), v.tolist()) for p, (t, v) in said.items()} for n, said in found.items()} == {
        "tray.flow": {"u11": ([6.0, 7.0], [9.1, 9.1])}
    }
    assert [(u.series, u.tester, u.actor, u.readings) for u in used] == [("tray.flow", TESTER, ACTOR, 2)]
    meters.hand_in({"tray.flow", "cdu.level"})
    assert len(FloorLogs(tmp_path, RACK).files()) == 1, "what nobody wanted then is forgotten"


def test_where_no_emulator_answers_there_is_no_reading(tmp_path: Path) -> None:
    meters = EmulatedInstruments(EmulatedHands(tmp_path, RACK), read_checks().instruments, tmp_path, 0)
    meters.look(1.0, {"tray"}, ())
    meters.hand_in({"tray.flow"})
    assert FloorLogs(tmp_path, RACK).files() == []
    assert logged_at(tmp_path, RACK) == frozenset()


def test_a_rack_that_no_emulator_plays_has_no_such_hands(emulator: Emulator, tmp_path: Path) -> None:
    assert EmulatedHands.at(tmp_path, "tx1/a/r03/k08") is None
    emulator.server.shutdown(socket.SHUT_RDWR)  # its thread waits there
    emulator.server.close()
    assert EmulatedHands.at(tmp_path, RACK) is None  # its socket is still there
    assert EmulatedHands.at(tmp_path / "none", RACK) is None
