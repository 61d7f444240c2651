"""Badfish on our service: power read, a tray switched off, on and restarted, parts and firmware listed."""

import asyncio
from pathlib import Path

import pytest
from support.api import PASSWORD
from support.tools import Ours, Score, eventually, needs, says
from support.whole_rack import WholeRack

READS: tuple[tuple[str, str], ...] = (
    ("--power-state", r"'On'"),
    ("--get-power-consumed", r"Current watts consumed: \d+"),
    ("--ls-processors", r"Count: 2"),
    ("--ls-memory", r"Memory_0"),
    ("--ls-jobs", r"Found active jobs: None"),
)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


async def test_badfish_reads_and_switches_a_tray(whole: WholeRack, tmp_path: Path) -> None:
    needs("badfish")
    await asyncio.to_thread(work, Ours(whole, tmp_path))


def work(ours: Ours) -> None:
    ours.taken_stock()
    score = Score("badfish")
    host = ours.whole.url.removeprefix("https://")

    def tried(option: str, pattern: str) -> None:
        words = [str(needs("badfish")), "-H", host, "--retries", "12", option]
        status, said = ours.run(words, {"BADFISH_USERNAME": "admin", "BADFISH_PASSWORD": PASSWORD}, limit=240)
        score.note(option, status == 0 and says(pattern, said), said)

    for option, pattern in READS:
        tried(option, pattern)
    for option, state in (("--power-off", "Off"), ("--power-on", "On"), ("--reboot-only", "On")):
        tried(option, r"Command passed to \w+ server, code return is 204")
        eventually(lambda state=state: ours.is_(state))  # type: ignore[misc]
    score.settle()
