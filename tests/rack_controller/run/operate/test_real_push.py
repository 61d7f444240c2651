"""One image pushed to an emulated tray over TLS: planned, written, seen to run; and a leak that does not wait."""

from pathlib import Path
from typing import Any

import msgspec
from support.packages import BMC, package
from support.real_rack import RACK, RealRack, eventually, real_rack
from support.served_tray import served_tray

from firmware_bridge.emulator.bench import Bench
from firmware_bridge.emulator.power import Ask
from firmware_bridge.vocabulary.generation import TrayKind
from firmware_bridge.vocabulary.place import join_place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Reading
from rack_controller.images import Images
from rack_controller.model.operation import Operation
from rack_controller.model.roles import Role

PUSH = "/redfish/v1/UpdateService/update-multipart"
IMAGE = package((BMC, "GB200Nvl-25.10-1"), image=b"firmware" * 10_000)


async def running(rack: RealRack, place: str, state: Path) -> str:
    """Have an image pushed to the tray's controller and return the operation, once the device has taken it."""

    async def met() -> bool:
        status = await rack.status(place)
        return bool(status.power_actions) and status.state == "on" and status.management == "reachable"

    await eventually(met)
    image = Images(state / "images").keep(IMAGE, "bmc.fwpkg", 1).image
    made = await rack.do("plan", place, Role.OPERATOR, do="push", image=image[:12], part="FW_BMC_0", reason="new BMC")
    assert made.accepted, made
    name = str(made.result["operation"])
    assert (await rack.do("approve", place, Role.OPERATOR, operation=name)).accepted
    return name


async def shown(rack: RealRack, name: str) -> Operation:
    return msgspec.json.decode(await rack.ask("operation", name), type=Operation)


async def told(rack: RealRack, name: str, word: str) -> Any:
    async def said() -> Any:
        now = await shown(rack, name)
        return now if word in str(now.wait) + now.summary + str(now.steps) else None

    return await eventually(said)


async def test_an_image_is_written_and_runs(tmp_path: Path) -> None:
    async with served_tray(rack=RACK) as (served, bench), real_rack(tmp_path, [served]) as rack:
        name = await running(rack, served.place, tmp_path)
        await told(rack, name, "is being written, 0 %")
        await attention(rack, served.place, "quiet")
        other = await rack.do("power", served.place.rpartition("/")[0], action="graceful_off")
        assert (other.accepted, "left alone" in other.reason) == (False, True), other
        bench.advance(93.0)
        done = await told(rack, name, "1 of 1")
        assert (done.state, served.seen[PUSH]) == ("done", 1)
        await attention(rack, served.place, "full")
        again = await rack.do(
            "plan", served.place, do="push", image=done.plan.steps[0].push.image, part="FW_BMC_0", dry_run=True
        )
        assert again.result["plan"]["already"] == [served.place]


async def test_a_leak_goes_over_a_flash_at_once_and_what_it_left_is_for_a_person(tmp_path: Path) -> None:
    async with served_tray(rack=RACK) as (served, bench), real_rack(tmp_path, [served]) as rack:
        tray = served.place.rpartition("/")[0]
        name = await running(rack, served.place, tmp_path)
        await told(rack, name, "is being written")
        bench.advance(40.0)
        leak(rack, 2.0)

        async def struck() -> bool:
            return host(bench).asked is Ask.FORCE_OFF

        await eventually(struck)
        assert bench.time < 90.0  # it is still being written
        held = await told(rack, name, "what its firmware is now is not known")
        assert "taken over by interlock leak" in str(held.wait)
        await eventually(lambda: is_held(rack, name))
        refused = await rack.do("plan", tray, do="cycle")
        assert not refused.accepted
        assert f"{name} is held" in rack.controlled._leases.keeps_off(join_place(RACK, "u11"))
        step = held.plan.steps[0].id
        assert (await rack.do("resolve", tray, operation=name, step=step, word="failed")).accepted
        assert rack.controlled._leases.quarantined(join_place(RACK, "u11")) == ""


async def attention(rack: RealRack, place: str, word: str) -> None:
    async def so() -> bool:
        return (await rack.status(place)).attention == word

    await eventually(so)


async def is_held(rack: RealRack, name: str) -> bool:
    return (await shown(rack, name)).state == "held"


def leak(rack: RealRack, code: float) -> None:
    """Let the leak detector's word come by event."""
    now = rack.controlled._clock.now()
    rack.controlled._board.store([Reading(join_place(RACK, "u11/leak1"), Quantity.LEAK, code, now)])


def host(bench: Bench) -> Any:
    return bench.hosts[TrayKind.COMPUTE, 0, 0]
