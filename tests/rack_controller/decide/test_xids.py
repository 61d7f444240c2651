"""One XID of one GPU is one event, whoever tells of it; a line's status word says what to do."""

from collections.abc import Sequence

from firmware_bridge.generations.console_patterns import load_console_patterns
from firmware_bridge.generations.xid_catalogue import load_xids
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from firmware_bridge.wire.nvml.message import HostEvent
from rack_controller.decide.console_notice import ConsoleMemory, notice_line
from rack_controller.decide.gpus import tell_host_event
from rack_controller.decide.notice import Finding
from rack_controller.decide.xids import HOLD, LATE, Heard, at_gpus, explain, merge_xids, pci_of
from rack_controller.model.event import Severity

TRAY = Place("lab1/a/r01/k01/u12")
GPU = Place(f"{TRAY}/gpu2")
BOTH = frozenset((TRAY,))
XIDS, BOOK = load_xids(), load_console_patterns()
LINK_EVENT = "NETIR_LINK_EVT Fatal XC0 i0 Link 09 (0x025525c6 0x00000000 0x00000000)"


def agent(number: int, gpu: int = 2) -> Finding:
    return tell_host_event(Place(f"{TRAY}/host"), HostEvent(1, 7, "xid", gpu, number), XIDS)


def console(number: int, text: str = "something", pci: str = "0018:01:00") -> Finding:
    return line(f"NVRM: Xid (PCI:{pci}): {number}, {text}")


def line(text: str) -> Finding:
    sighting = BOOK.look(text)
    assert sighting is not None
    _, (finding,) = notice_line(ConsoleMemory(), Place(f"{TRAY}/console"), sighting, Seconds(0.0))
    return finding


def play(*steps: tuple[float, Sequence[Finding]], both: frozenset[Place] = BOTH) -> list[tuple[float, Finding]]:
    heard: tuple[Heard, ...] = ()
    told: list[tuple[float, Finding]] = []
    for at, findings in steps:
        heard, now = merge_xids(heard, findings, Seconds(at), both, XIDS)
        told += [(at, f) for f in now]
    return told


def test_agent_and_console_are_one_event_with_two_sources() -> None:
    for first, second in ((agent(79), console(79)), (console(79), agent(79))):
        ((at, told),) = play((0.0, [first]), (1.0, [second]), (10.0, []))
        assert (at, told.place, told.severity) == (1.0, GPU, Severity.CRITICAL)
        assert told.details["source"] == "console, nvml"
        assert (told.details["pci"], told.details["xid"]) == ("0018:01:00", 79)
        assert told.message.startswith("u12 gpu2 XID 79: the GPU does not answer on its bus any more: drain the node")


def test_what_only_one_tells_is_told_after_a_moment_or_at_once_where_nobody_else_could() -> None:
    assert [at for at, _ in play((0.0, [agent(79)]), (2.9, []), (HOLD, []), (9.0, []))] == [HOLD]
    assert [at for at, _ in play((0.0, [agent(79)]), (HOLD, []), both=frozenset())] == [0.0]


def test_a_console_that_is_late_adds_nothing_unless_it_narrows_the_fault_down() -> None:
    assert len(play((0.0, [agent(79)]), (HOLD, []), (9.0, [console(79)]))) == 1
    _, (at, told) = play((0.0, [agent(149)]), (HOLD, []), (9.0, [console(149, LINK_EVENT)]))
    assert (at, told.details["sub_code"]) == (9.0, 37)
    assert len(play((0.0, [agent(79)]), (HOLD, []), (LATE + HOLD, [console(79)]), (LATE + 9, []))) == 2


def test_two_xids_two_gpus_and_an_agents_repetition_stay_apart() -> None:
    assert len(play((0.0, [agent(31), agent(31)]), (HOLD, []))) == 2
    assert len(play((0.0, [agent(31), agent(31, gpu=3)]), (HOLD, []))) == 2
    assert len(play((0.0, [agent(31), console(13)]), (HOLD, []))) == 2
    pairs = play((0.0, [agent(31, gpu=0), agent(31, gpu=1), console(31), console(31, pci="0019:01:00")]), (HOLD, []))
    assert sorted(f.place[-4:] for _, f in pairs) == ["gpu0", "gpu1"]


def test_the_two_lines_of_a_gpu_that_fell_off_are_one() -> None:
    lost = line("NVRM: GPU at PCI:0018:01:00: GPU has fallen off the bus.")
    ((_, told),) = play((0.0, [lost, console(79, "GPU has fallen off the bus.")]), (0.5, [agent(79)]), (HOLD, []))
    assert told.details["source"] == "console, nvml"


def test_other_kinds_pass_at_once_and_in_order() -> None:
    other = Finding(TRAY, "leak.critical", Severity.CRITICAL, "leak")
    assert [f for _, f in play((0.0, [other, agent(79), other]))] == [other, other]


def test_a_link_fault_says_link_unit_cause_and_what_to_do() -> None:
    told = explain(console(149, LINK_EVENT), XIDS)
    assert told.message == (
        "u12 GPU at 0018:01:00 link 9 XID 149: a link went down "
        "(unit NETIR_LINK_EVT, a fault of hardware or software): "
        "drain the node and reset the GPU; then: look at the other end of the link first: the fault came from there"
    )
    assert (told.severity, told.details["now"], told.details["link"]) == (Severity.CRITICAL, "reset_gpu", 9)
    calm = explain(console(145, "RLW_TAGSTATE Nonfatal XC0 i0 Link 03 (0x00000008 0x00000001)"), XIDS)
    assert (calm.severity, calm.details["now"]) == (Severity.OK, "nothing")
    strange = explain(console(149, LINK_EVENT.replace("0x025525c6", "0x03f525c6")), XIDS)
    assert strange.severity is Severity.CRITICAL, "an unknown sub-code is as grave as its XID"
    assert "sub_code" not in strange.details


def test_a_line_of_a_number_that_nobody_knows_stays_as_it_is() -> None:
    unknown = console(3999)
    assert explain(unknown, XIDS) == unknown


def test_an_address_is_a_gpu_where_the_agent_has_named_it() -> None:
    addresses = {TRAY: {pci_of("00000018:01:00.0"): GPU}}
    assert [f.place for f in at_gpus([console(79), console(79, pci="0019:01:00")], addresses)] == [GPU, TRAY]
    assert [pci_of(t) for t in ("0000:9B:00.0", "9b:00", "odd", "1:2:3:4", "")] == [
        "0000:9b:00",
        "0000:9b:00",
        "",
        "",
        "",
    ]
    (_, one), (_, other) = play((0.0, [*at_gpus([console(31)], addresses), agent(31, gpu=3)]), (HOLD, []))
    assert {one.place, other.place} == {GPU, f"{TRAY}/gpu3"}
