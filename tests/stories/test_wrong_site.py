"""What is wrong in a site file is named shelf by shelf, and the rest of its racks goes on."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.few_trays import FEW_PAIR, write
from support.patience import PATIENCE
from support.product import Product, eventually

RACKS = ["--racks", FEW_PAIR]
FIRST, SECOND = "k01", "k02"

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def wrong_site(tmp_path: Path) -> Iterator[Product]:
    """A product over a site file with one thing wrong per shelf; the racks are emulated by a process of their own."""
    write(tmp_path)
    far = subprocess.Popen(
        [sys.executable, "-m", "firmware_bridge.emulator", "--state", str(tmp_path), *RACKS, "--site-name", "lab1"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert far.stdout is not None
    assert far.stdout.readline()
    site = yaml.safe_load((tmp_path / "site.yaml").read_text())
    # Their hosts' agents speak on their own bus, not on the one of this story.
    site["endpoints"] = [e for e in site["endpoints"] if not e.get("agent")]
    by_place = {e["place"].split("/", 3)[3]: e for e in site["endpoints"]}
    by_place[f"{FIRST}/u06/pmm"]["line"] = {"baud": 9600}
    by_place[f"{FIRST}/u07/pmm"]["line"] = {"baud": 115200, "parity": "odd"}
    by_place[f"{FIRST}/u08/pmm"]["tty"] = str(tmp_path / "tty" / "absent")
    by_place[f"{SECOND}/u06/pmm"]["tty"] = by_place[f"{FIRST}/u01/serial"]["tty"]
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(site))
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    write(state)
    (state / "credentials").symlink_to(tmp_path / "credentials")
    running = Product(state, ["--site", str(path)])
    try:
        running.start(wait=False)
        eventually(lambda: answers(running), 60)
        yield running
    finally:
        running.stop()
        far.terminate()
        far.wait(10 * PATIENCE)


def answers(product: Product) -> bool:
    try:
        return all(product.get(f"/api/v1/racks/{rack}/endpoints") for rack in (FIRST, SECOND))
    except (OSError, AssertionError):
        return False


def test_what_is_wrong_in_the_site_is_named_and_the_rest_goes_on(wrong_site: Product) -> None:
    wanted = {
        f"{FIRST}/u06/pmm": "at 9600 8E1: no answer",
        f"{FIRST}/u07/pmm": "at 115200 8O1: no answer",
        f"{FIRST}/u08/pmm": "no such serial device",
        f"{SECOND}/u06/pmm": "no answer",  # its line is the pumping unit's
    }

    def told() -> bool:
        if not answers(wrong_site):
            return False
        rows = [row for rack in (FIRST, SECOND) for row in wrong_site.get(f"/api/v1/racks/{rack}/endpoints")]
        found = {
            "/".join(r["place"].split("/")[3:]): r["error"]
            for r in rows
            if r["enabled"] and r["management"] != "reachable"
        }
        # A unit that has just been asked may say for a moment that a late reply of its is waited out.
        return found.keys() == wanted.keys() and all(text in found[place] for place, text in wanted.items())

    eventually(told, 100, every=0.5)

    def all_but_these() -> bool:
        racks = [wrong_site.get(f"/api/v1/racks/{rack}") for rack in (FIRST, SECOND)]
        return [rack["endpoints_total"] - rack["endpoints_reachable"] for rack in racks] == [3, 1]

    eventually(all_but_these, 40)
