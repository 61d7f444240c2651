"""A generation that nobody wrote code for runs from its folder alone: rack, device file, register map invented here."""

import asyncio
from pathlib import Path

import minimalmodbus
import pytest
from support.walnut import DEVICE, write

from firmware_bridge.emulator.control import EmulatorControl
from firmware_bridge.emulator.control_server import ControlServer
from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import running_emulator
from firmware_bridge.vocabulary.errors import ConfigurationError


def look(tty: str, unit: int) -> tuple[float, str, int]:
    instrument = minimalmodbus.Instrument(tty, unit)
    try:
        instrument.serial.baudrate = 9600
        instrument.serial.timeout = 1.0
        watts = instrument.read_long(1) / 100
        return watts, instrument.read_string(3, 4).rstrip("\0"), instrument.read_register(7)
    finally:
        instrument.serial.close()


async def test_it_runs_from_its_folder(tmp_path: Path) -> None:
    search = write(tmp_path / "designs")
    async with running_emulator(tmp_path / "state", "walnut", speed=0, search=(search,)) as emulator:
        assert [(r.place[-3:], r.generation, r.domains) for r in emulator.site.racks] == [
            (f"k0{n}", "walnut", {"ring": "k01.ring"}) for n in (1, 2, 3)
        ]
        assert len(emulator.site.endpoints) == emulator.hall.endpoint_count == 6
        assert emulator.hall.needs == (0, 3)
        bench = emulator.hall.benches["walnut"]
        emulator.hall.faults.set([Fault(what=FaultKind.PSU_FAIL, where="*/k02/u02/psu1")])
        emulator.hall.advance(1.0)
        endpoint = emulator.endpoint("k02/u02/bus")
        assert (endpoint.address, endpoint.credential, endpoint.pin) == (None, None, None)
        watts, label, alarms = await asyncio.to_thread(look, str(endpoint.tty), 8)
        assert watts == pytest.approx(bench.state.psu_output[1, 1, 0], abs=0.01)
        assert (label, alarms) == ("WALNUT", 0)
        assert await asyncio.to_thread(look, str(endpoint.tty), 9) == (0, "WALNUT", 1 << 5)


async def test_a_device_that_does_not_fit_its_units_is_named(tmp_path: Path) -> None:
    search = write(tmp_path / "designs")
    device = search / "walnut" / "devices" / "walnut-shelf.yaml"
    device.write_text(DEVICE.replace("part: psu", "part: fan"))
    with pytest.raises(ConfigurationError, match=r"no part 'psu0' with a map out of walnut-supply"):
        async with running_emulator(tmp_path / "state", "walnut", speed=0, search=(search,)):
            pass
    assert not list((tmp_path / "state" / "tty").iterdir())


async def test_the_control_channel_reaches_serial_lines(tmp_path: Path) -> None:
    search = write(tmp_path / "designs")
    async with running_emulator(tmp_path / "state", "walnut", speed=0, search=(search,)) as emulator:
        server = ControlServer(emulator.hall)
        await server.start()
        control = EmulatorControl(tmp_path / "state")
        tty = str(emulator.endpoint("k01/u01/bus").tty)
        await asyncio.to_thread(control.set_faults, [{"what": "exception", "where": "*/k01/lines/slow", "code": 6}])
        with pytest.raises(minimalmodbus.SlaveDeviceBusyError):
            await asyncio.to_thread(look, tty, 5)
        await asyncio.to_thread(control.clear_faults)
        assert (await asyncio.to_thread(look, tty, 5))[1] == "WALNUT"
        state = await asyncio.to_thread(control.state)
        assert state["endpoints"] == 6
        assert state["lines"][0] == {"place": "emulated/a/r01/k01/lines/slow", "requests": 4, "spoiled": 0}
        await server.stop()
