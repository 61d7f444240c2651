"""Which sightings become events: the same not twice at once, and a flood not whole."""

from firmware_bridge.generations.console_patterns import load_console_patterns
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.console_notice import (
    MOST_EVENTS,
    MOST_REMEMBERED,
    WINDOW,
    ConsoleMemory,
    notice_line,
)
from rack_controller.decide.notice import Finding
from rack_controller.model.event import Severity

BOOK = load_console_patterns()
CONSOLE = Place("lab1/a/r01/k01/u12/console")


def xid(number: int, pci: str = "0009:01:00") -> str:
    return f"NVRM: Xid (PCI:{pci}): {number}, something"


def told(memory: ConsoleMemory, line: str, now: float) -> tuple[ConsoleMemory, list[Finding]]:
    sighting = BOOK.look(line)
    assert sighting is not None
    return notice_line(memory, CONSOLE, sighting, Seconds(now))


def test_a_sighting_is_told_of_the_tray_with_its_address_and_number() -> None:
    _, (finding,) = told(ConsoleMemory(), xid(79), 1.0)
    assert (finding.place, finding.kind, finding.severity) == ("lab1/a/r01/k01/u12", "gpu.xid", Severity.CRITICAL)
    assert finding.details == {
        "source": "console",
        "console": CONSOLE,
        "pci": "0009:01:00",
        "xid": 79,
        "text": "something",
    }
    assert finding.message == "u12: the driver reports Xid 79 for the GPU at 0009:01:00: something"


def test_the_same_is_told_once_and_counted_until_it_is_told_again() -> None:
    memory, first = told(ConsoleMemory(), xid(79), 0.0)
    assert len(first) == 1
    for second in range(1, 60, 10):
        memory, again = told(memory, xid(79), float(second))
        assert again == []
    memory, (later,) = told(memory, xid(79), 61.0)
    assert later.message.endswith("(seen 6 times more since it was last told)")
    assert told(memory, xid(79, "0019:01:00"), 62.0)[1], "another GPU is another matter"


def test_a_flood_of_different_lines_is_told_as_one_more_event_and_ends() -> None:
    memory, kinds = ConsoleMemory(), []
    for n in range(5 * MOST_EVENTS):
        memory, findings = told(memory, xid(13, f"00{n:02d}:01:00"), n / 100)
        kinds += [f.kind for f in findings]
    assert kinds == ["gpu.xid"] * MOST_EVENTS + ["console.flood"]
    assert memory.dropped == 4 * MOST_EVENTS
    memory, findings = told(memory, xid(14), WINDOW + 2.0)
    assert [f.kind for f in findings] == ["gpu.xid"]


def test_memory_is_bounded() -> None:
    memory = ConsoleMemory()
    for n in range(3 * MOST_REMEMBERED):
        memory, _ = told(memory, xid(13, f"{n:04x}:01:00"), n * WINDOW)
    assert len(memory.told) == MOST_REMEMBERED


def test_a_panic_after_a_new_start_is_another_one() -> None:
    panic, boot = "Kernel panic - not syncing: VFS", "Linux version 6.8.0-1 (x)"
    memory, first = told(ConsoleMemory(), panic, 0.0)
    memory, again = told(memory, panic, 10.0)
    assert (len(first), again) == (1, [])
    memory, _ = told(memory, boot, 20.0)
    _, (second,) = told(memory, panic, 30.0)
    assert second.kind == "console.panic"
