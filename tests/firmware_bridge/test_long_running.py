"""Processes that run for months: the bus's library without WebSockets, and garbage looked for rarely."""

import subprocess
import sys

SCRIPT = """
import gc, sys
from firmware_bridge.long_running import YOUNG, begin, settled
begin()
import nats
assert sys.modules["aiohttp"] is None
assert gc.get_threshold()[0] == YOUNG
settled()
assert gc.get_freeze_count() > 10_000
kept = []; kept.append(kept); del kept
assert gc.collect() >= 1, "what comes later is still looked at"
"""


def test_nothing_is_loaded_in_vain_and_what_is_loaded_is_not_looked_at_again() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
