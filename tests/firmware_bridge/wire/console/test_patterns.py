"""The seed's patterns on real forms of lines, and pattern files that are wrong."""

import pytest

from firmware_bridge.generations.console_patterns import load_console_patterns
from firmware_bridge.vocabulary.errors import FileInvalid
from firmware_bridge.wire.console.patterns import parse_patterns

BOOK = load_console_patterns()

SEEN = [
    (
        "[ 9034.1] NVRM: Xid (PCI:0009:01:00.0): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        ("gpu.xid", "critical", {"pci": "0009:01:00.0", "xid": "79"}),
    ),
    (
        "NVRM: Xid (PCI:0009:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x4 (Drain and Reset)",
        ("gpu.xid", "warning", {"pci": "0009:01:00", "xid": "154"}),
    ),
    (
        "NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6 0x00000000)",
        ("gpu.xid", "warning", {"pci": "0018:01:00", "xid": "149"}),
    ),
    ("NVRM: Xid (PCI:0018:01:00): 63, Row Remapper: New row", ("gpu.xid", "ok", {"xid": "63"})),
    (
        "NVRM: GPU 0000:18:00.0: GPU has fallen off the bus.",
        ("gpu.xid", "critical", {"pci": "0000:18:00.0"}),
    ),
    (
        "nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error",
        ("switch.sxid", "warning", {"sxid": "12028", "grade": "Non-fatal"}),
    ),
    ("nvidia-nvswitch0: SXid (PCI:0000:05:00.0): 20034, Fatal, Link 12", ("switch.sxid", "critical", {})),
    ("Kernel panic - not syncing: Fatal exception in interrupt", ("console.panic", "critical", {})),
    ("BUG: unable to handle page fault for address: ffffc90000", ("console.oops", "critical", {})),
    ("[12.3] Internal error: Oops: 0000000096000004 [#1] SMP", ("console.oops", "critical", {})),
    (
        "mce: [Hardware Error]: CPU 3: Machine Check: 0 Bank 5: be00000000800400",
        ("console.machine_check", "critical", {}),
    ),
    ("watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [kworker/3:1:77]", ("console.lockup", "critical", {})),
    ("INFO: task nvidia-smi:123 blocked for more than 120 seconds.", ("console.lockup", "critical", {})),
    (
        "Out of memory: Killed process 4123 (python3) total-vm:1kB",
        ("console.out_of_memory", "warning", {"name": "python3"}),
    ),
    ("                  GNU GRUB  version 2.06", ("console.boot", "ok", {"version": "version 2.06"})),
    ("[    0.000000] Linux version 6.8.0-1021-nvidia-64k (buildd@bos03)", ("console.boot", "ok", {})),
    ("[  OK  ] Reached target Multi-User System.", ("console.boot", "ok", {})),
    ("UEFI firmware (version 2.1 built by me)", ("console.boot", "ok", {})),
]


@pytest.mark.parametrize(("line", "expected"), SEEN)
def test_a_line_of_a_known_form_is_seen(line: str, expected: tuple[str, str, dict[str, str]]) -> None:
    sighting = BOOK.look(line)
    assert sighting is not None
    kind, severity, fields = expected
    assert (sighting.kind, sighting.severity) == (kind, severity)
    assert fields.items() <= sighting.fields.items()
    assert "{" not in sighting.message


@pytest.mark.parametrize(
    "line", ["login: ", "NVRM: loading NVIDIA UNIX Open Kernel Module", "about Xid 79 in a mail", "x" * 4096, ""]
)
def test_other_lines_mean_nothing(line: str) -> None:
    assert BOOK.look(line) is None


def test_every_pattern_is_shown_here() -> None:
    seen = {sighting.name for line, _ in SEEN if (sighting := BOOK.look(line))}
    assert seen == {pattern.name for pattern, _ in BOOK.patterns}


ONE = """\
kind: console_patterns
schema_version: 1
patterns:
  - {name: one, kind: console.one, contains: [one], regex: '(?P<what>one)', message: "{what}", same: [what]}
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("(?P<what>one)", "(?P<what>one", 4, "regular expression"),
        ('"{what}"', '"{who}"', 4, "groups fill the message"),
        ("same: [what]", "same: [who]", 4, "named groups"),
        ("console.one", "one", 4, "patterns[0].kind"),
        ("contains: [one]", "contains: []", 4, "contains"),
        ("schema_version: 1", "schema_version: 2", 2, "schema_version"),
        ("name: one, ", "name: one, colour: red, ", 4, "colour"),
    ],
)
def test_a_wrong_pattern_file_is_named_by_line(old: str, new: str, line: int, said: str) -> None:
    assert parse_patterns(ONE, "p.yaml").look("one") is not None
    with pytest.raises(FileInvalid) as caught:
        parse_patterns(ONE.replace(old, new), "p.yaml")
    assert caught.value.line == line
    assert said in str(caught.value)
