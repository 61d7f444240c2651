"""What takes minutes: ten racks under rolling faults, watched for lateness, memory and lost frames."""

import asyncio
import itertools
import time
from itertools import pairwise
from pathlib import Path

import nats
import pytest
from support.product import Product, eventually

from rack_controller.model.frame import decode_frame
from rack_controller.model.subjects import TELEMETRY_STREAM

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
RACKS, MINUTES = 10, 4.0
KINDS = ("hang", "reset", "half_body", "nested", "nan", "huge", "redirect", "slow", "leak", "psu_fail", "tray_off")
MOST_GROWTH_MIB = 60


def rss_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


def test_ten_racks_under_rolling_faults(tmp_path: Path) -> None:
    product = Product(tmp_path / "state", ["--racks", f"gb200-nvl72*{RACKS}"])
    product.start()
    try:
        before = {name: rss_mib(pid) for name, pid in product.pids.items()}
        end = time.monotonic() + MINUTES * 60
        for n in itertools.count():
            if time.monotonic() > end:
                break
            # One bad endpoint in every rack, another kind of badness each round.
            where = f"*/k*/u{11 + n % 8:02d}*"
            product.control.set_faults([{"what": KINDS[n % len(KINDS)], "where": where, "seconds": 3.0}])
            time.sleep(8)
            for rack in product.get("/api/v1/racks"):
                assert rack["live"], rack["rack"]
                assert rack["endpoints_reachable"] >= 30, (KINDS[n % len(KINDS)], rack["endpoints_reachable"])
        product.control.clear_faults()

        def all_well() -> bool:
            return all(r["endpoints_reachable"] == r["endpoints_total"] for r in product.get("/api/v1/racks"))

        eventually(all_well, within=90)
        grown = {name: rss_mib(pid) - before[name] for name, pid in product.pids.items()}
        assert max(grown.values()) < MOST_GROWTH_MIB, grown
        for rack, numbers in asyncio.run(frames_by_rack(product)).items():
            assert [b for a, b in pairwise(numbers) if b != a + 1] == [], rack
    finally:
        product.stop()


async def frames_by_rack(product: Product) -> dict[str, list[int]]:
    url = (product.state / "nats" / "url").read_text().strip()
    client = await nats.connect(url, nkeys_seed=str(product.state / "nats" / "api.nk"))
    stream = client.jetstream()
    info = await stream.stream_info(TELEMETRY_STREAM)
    found: dict[str, list[int]] = {}
    for at in range(info.state.first_seq, info.state.last_seq + 1):
        message = await stream.get_msg(TELEMETRY_STREAM, at, direct=True)
        found.setdefault(message.subject or "", []).append(decode_frame(message.data or b"").sequence)
    await client.close()
    return found
