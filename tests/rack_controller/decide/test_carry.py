"""What a look missed: facts come from the look before, states do not, and another part takes nothing over."""

from dataclasses import replace

from firmware_bridge.vocabulary.facts import Aspect, AspectKind
from firmware_bridge.vocabulary.inventory import EndpointReport, FirmwareItem, Item, ItemKind, LeakDetectorItem
from rack_controller.decide.carry import carry_over, keys_of

R = "/redfish/v1"
GPU = Item(
    ItemKind.GPU, "GPU_0", "GPU", "P-1", "S-1", "97.0", (f"{R}/Systems/HGX/Processors/GPU_0",),
    {"model": "B200", "health": "OK", "state": "Enabled"},
)  # fmt: skip
TRAY = Item(ItemKind.CHASSIS, "Tray", serial_number="T-1", uris=(f"{R}/Chassis/Tray",))
BIOS = FirmwareItem(
    "BIOS", "1.2", f"{R}/UpdateService/FirmwareInventory/BIOS", {"manufacturer": "Maker", "state": "Enabled"}
)
LEAK = LeakDetectorItem("leak0", "OK", f"{R}/Chassis/Tray/LeakDetectors/leak0", {"type": "Moisture"})
CLOCK = Aspect(AspectKind.CONTROLLER, "B0", facts={"uuid": "u", "time_offset": "+00:00"})
ETH0 = Aspect(AspectKind.INTERFACE, "eth0", "Managers/B0", facts={"mac": "02:00:00:00:00:01", "link": "LinkUp"})
WHOLE = EndpointReport(
    {"place": "p", "seen": "whole", "controller": "B0"},
    (GPU, TRAY),
    firmware=(BIOS,),
    leak_detectors=(LEAK,),
    aspects=(CLOCK, ETH0),
)
ALL = keys_of(WHOLE)


def part(*unread: str, **found: object) -> EndpointReport:
    return replace(EndpointReport({"place": "p", "seen": "part"}, unread=unread), **found)  # type: ignore[arg-type]


def test_a_look_that_reached_everything_stands_alone() -> None:
    gone = EndpointReport({"place": "p", "seen": "whole"}, (TRAY,))
    assert carry_over(gone, WHOLE, ALL) is gone


def test_a_walk_that_was_cut_keeps_every_fact_and_no_state() -> None:
    kept = carry_over(part(R, inventory=(TRAY,)), WHOLE, ALL)
    assert kept.inventory == (TRAY, replace(GPU, facts={"model": "B200"}))
    assert kept.firmware == (replace(BIOS, facts={"manufacturer": "Maker"}),)
    assert kept.leak_detectors == (replace(LEAK, state="unknown"),)
    assert kept.aspects == (CLOCK, replace(ETH0, facts={"mac": "02:00:00:00:00:01"}))
    assert kept.endpoint == {"place": "p", "seen": "part", "controller": "B0"}
    assert "of an earlier look" in kept.notes[-1].what


def test_only_what_could_not_be_read_is_carried_and_all_that_lies_below_it() -> None:
    kept = carry_over(part(f"{R}/Systems/HGX", aspects=(CLOCK,)), WHOLE, ALL)
    assert (kept.inventory, kept.firmware, kept.leak_detectors) == ((replace(GPU, facts={"model": "B200"}),), (), ())
    kept = carry_over(part(f"{R}/Managers/B0/EthernetInterfaces/eth0", inventory=(TRAY,)), WHOLE, ALL)
    assert (kept.inventory, [a.id for a in kept.aspects]) == ((TRAY,), ["B0", "eth0"])


def test_what_was_read_now_counts_and_is_filled_in() -> None:
    now = Item(
        ItemKind.GPU,
        "GPU_0",
        uris=(f"{R}/Chassis/GPU_0",),
        firmware="98.0",
        facts={"model": "B300", "health": "Critical"},
    )
    (gpu,) = carry_over(part(f"{R}/Systems/HGX/Processors/GPU_0", inventory=(now,)), WHOLE, ALL).inventory
    assert (gpu.serial_number, gpu.part_number, gpu.firmware) == ("S-1", "P-1", "98.0")
    assert gpu.facts == {"model": "B300", "health": "Critical"}


def test_another_part_takes_nothing_over() -> None:
    other = part(R, inventory=(replace(TRAY, serial_number="T-2"),))
    assert carry_over(other, WHOLE, ALL) is other


def test_what_was_read_long_ago_is_carried_no_more() -> None:
    assert carry_over(part(R), WHOLE, ALL - {("item", "gpu", "GPU_0")}).inventory == (TRAY,)


def test_of_two_parts_of_one_name_nobody_knows_which_is_missing() -> None:
    twice = replace(WHOLE, inventory=(GPU, replace(GPU, serial_number="S-2")))
    assert carry_over(part(R), twice, ALL).inventory == ()
    both = (replace(GPU, serial_number=None), replace(GPU, part_number=None))
    assert carry_over(part(R, inventory=both), WHOLE, ALL).inventory == (*both, TRAY)
