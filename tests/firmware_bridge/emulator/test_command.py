"""`rackwright emulate fault|state|…` against a hall that runs: what it changes, what it prints, what it refuses."""

import asyncio
import csv
import io
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firmware_bridge.emulator.command import main
from firmware_bridge.emulator.control_server import ControlServer
from firmware_bridge.emulator.harness import RunningEmulator, running_emulator
from firmware_bridge.vocabulary.errors import RackwrightError
from firmware_bridge.vocabulary.generation import TrayKind


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[RunningEmulator]:
    async with running_emulator(tmp_path, "orv3-hpr-nvl36x2", speed=0) as running:
        server = ControlServer(running.hall)
        await server.start()
        yield running
        await server.stop()


@pytest.fixture
def say(emulator: RunningEmulator, capsys: pytest.CaptureFixture[str]) -> Any:
    async def run(*words: str) -> str:
        code = await asyncio.to_thread(main, [*words, "--state", str(emulator.state)])
        assert code == 0
        return capsys.readouterr().out

    return run


async def test_a_fault_is_added_listed_counted_and_cleared(emulator: RunningEmulator, say: Any) -> None:
    emulator.hall.advance(100.0)
    added = await say("fault", "add", "leak", "*/k01/u15/leak1", "--for", "5", "-o", "json")
    fault = json.loads(added)["items"][0]["id"]
    assert emulator.hall.faults.all()[0].since == 100.0
    assert (await say("fault", "list")).splitlines()[1].split() == [
        *(fault, "leak", "*/k01/u15/leak1", "from", "100.0", "s,", "lasts", "5.0", "s", "0"),
    ]
    emulator.hall.advance(6.0)
    row = json.loads(await say("fault", "list", "-o", "json"))["items"][0]
    assert (row["on"], row["fault"]["what"]) == (False, "leak")
    assert fault in await say("fault", "clear", fault)
    assert (await say("fault", "list")).splitlines() == ["ID  WHAT  WHERE  WHEN  STRUCK"]


async def test_papers_are_the_file_that_a_floor_hands_in(say: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(await say("papers", "--rack", "k01"))))
    assert {r["kind"] for r in rows} >= {"torque", "ground_bond", "polarity", "pressure_decay", "nvlink_cabling"}
    assert json.loads(await say("papers", "-r", "k01", "-o", "json"))["items"][0]["kind"] == rows[0]["kind"]
    with pytest.raises(RackwrightError, match="no emulated rack is at 'k09'"):
        await say("papers", "-r", "k09")


async def test_time_and_demand_are_driven(emulator: RunningEmulator, say: Any) -> None:
    assert (await say("step", "30")).strip() == "30.0 s"
    await say("speed", "2")
    await say("demand", "1.0")
    emulator.hall.advance(60.0)
    assert "at speed 2" in await say("state")
    state = json.loads(await say("state", "-o", "json"))
    assert state["racks"][0]["gpu_power_w"] > 30_000
    await say("demand", "0")
    bench = next(iter(emulator.hall.benches.values()))
    await say("demand", "0.5", f"{bench.place_of(0, bench.generation.slots_of(TrayKind.COMPUTE)[2])}/gpu1")
    emulator.hall.advance(60.0)
    assert (bench.state.gpu_power[0] > 2 * bench.design.gpu_idle).sum() == 1, "one GPU works, all others idle"
    await say("demand", "trace")
    assert np.isnan(bench._shares_by_hand).all()
    assert "crc_storm" in await say("fault", "kinds")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fault", "add", "leak", "*/u99/leak0"], "no emulated place fits"),
        (["fault", "add", "leek", "*"], "no kind 'leek', did you mean leak; .*fault kinds"),
        (["fault", "add", "xyzzy", "*"], "no kind 'xyzzy'; .*fault kinds"),
        (["fault", "add", "leak", "*", "--level", "damp"], "level"),
        (["fault", "add", "leak", "*", "--every", "5"], "lasts"),
        (["fault", "clear", "f99"], "no fault f99"),
        (["speed", "much"], "invalid float"),
        (["speed", "-1"], "argument|expected"),
        (["demand", "9"], "from 0.0 to 1.5"),
    ],
)
async def test_wrong_words_are_one_line(emulator: RunningEmulator, words: list[str], said: str) -> None:
    with pytest.raises(RackwrightError, match=said) as refused:
        await asyncio.to_thread(main, [*words, "--state", str(emulator.state)])
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    assert "Error" not in str(refused.value), "no names of classes"


def test_a_noun_without_a_verb_says_what_is_missing() -> None:
    with pytest.raises(RackwrightError, match=r"required: list"):
        main(["fault"])


def test_without_an_emulator_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "firmware_bridge.emulator", "fault", "list", "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "no emulator answers" in done.stderr


async def test_how_long_an_image_is_written_is_set_for_those_that_are_named(
    emulator: RunningEmulator, say: Any
) -> None:
    assert (await say("flash", "60", "*/k01/u15/bmc")).split() == ["ENDPOINTS", "1"]
    updates = [e.device.update for e in emulator.hall.endpoints if e.device.update is not None]
    assert sorted({u.seconds for u in updates}) == [60.0, 90.0]
    with pytest.raises(RackwrightError, match="no endpoint whose firmware can be written fits"):
        await say("flash", "60", "*/u99/bmc")
