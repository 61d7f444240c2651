"""What a live run asks the product for what parts say of themselves: inventories side by side, firmware by part."""

from collections.abc import Callable
from typing import Any

import pytest

from firmware_bridge.vocabulary.errors import CommandRefused, NotReadYet
from rack_controller.acceptance.baseline_plan import draft_baseline
from rack_controller.acceptance.product import PATIENT_S, READ_AT_ONCE, ProductOverApi

RACK = "lab1/a/r01/k01"


class Link:
    """Answers as the API does; `asked` keeps the paths in their order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def get(self, path: str, **query: Any) -> Any:
        self.asked.append((path, query))
        if path.endswith("/endpoints"):
            return [{"place": f"{RACK}/{e}", "enabled": e != "u12/bmc", "version": ""} for e in ("u11/bmc", "u12/bmc")]
        if path.endswith("/found"):
            whole = "wait_s" in query
            return [{"place": f"{RACK}/u11/gpu0", "serial": "S1", "part": "P1"}] if whole else []
        assert path == "/api/v1/endpoints/report"
        return {"firmware": [{"id": "FW_GPU_0", "version": "97"}, {"id": "FW_BMC_0", "version": "24"}]}

    def post(self, path: str, body: Any) -> Any:
        raise AssertionError("nothing is commanded")


def test_endpoints_are_read_side_by_side_before_any_is_waited_for() -> None:
    link = Link()
    parts = {("u11/bmc", "FW_GPU_0"): "u11/gpu0"}
    product = ProductOverApi(link, RACK, RACK, part_of=lambda endpoint, entry: parts.get((endpoint, entry), ""))
    facts = product.facts(("serial", "firmware"))
    assert facts["u11/gpu0"] == {"serial": "S1", "part": "P1", "firmware": "97"}
    assert facts["u11/bmc/FW_BMC_0"] == {"firmware": "24"}
    order = [path.rpartition("/")[2] for path, _ in link.asked]
    assert order == ["endpoints", "report", "found"]
    assert link.asked[1][1] == {"place": f"{RACK}/u11/bmc", "at_once": "true"}, "what is switched off is not asked"


class Restarted:
    """A rack of 63 endpoints whose controller began anew: each report takes `takes_s` from when it is asked first."""

    def __init__(self, takes_s: float = 5.0) -> None:
        self.now, self.takes_s = 0.0, takes_s
        self.begun: dict[str, float] = {}
        self.waited: list[str] = []
        self.most = 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, path: str, **query: Any) -> Any:
        if path.endswith("/endpoints"):
            return [{"place": f"{RACK}/u{n:02}/bmc", "enabled": True, "version": ""} for n in range(63)]
        if path.endswith("/found"):
            return []
        since = self.begun.setdefault(query["place"], self.now)
        self.most = max(self.most, sum(self.now - at < self.takes_s for at in self.begun.values()))
        if self.now - since < self.takes_s:
            raise NotReadYet("is being read for the first time", advice="ask again")
        return {"firmware": []}

    def post(self, path: str, body: Any) -> Any:
        raise AssertionError("nothing is commanded")

    def product(self, ended: Callable[[], str] = lambda: "") -> ProductOverApi:
        return ProductOverApi(self, RACK, RACK, self.waited.append, self.sleep, lambda: self.now, ended=ended)


def test_what_a_controller_does_not_know_yet_is_read_side_by_side_and_counted() -> None:
    rack = Restarted()
    rack.product().facts(("firmware",))
    assert rack.most == READ_AT_ONCE
    assert rack.now <= 45.0, "63 reports of five seconds each, one by one, are more than five minutes"
    assert "inventories: 40 of 63 reports are in" in rack.waited


def test_an_endpoint_that_never_tells_holds_nobody_up_for_longer_than_its_time() -> None:
    rack = Restarted(takes_s=1e9)
    rack.product().facts(("firmware",))
    assert rack.now <= (63 // READ_AT_ONCE + 1) * (PATIENT_S + 2.0)


def test_a_wait_for_reports_and_settings_is_broken_off_when_the_run_is_to_end() -> None:
    rack = Restarted(takes_s=1e9)
    rack.product(lambda: "stopped by ada" if rack.now >= 20.0 else "").facts(("firmware", "clock_offset_s"))
    assert rack.now == 20.0
    assert len(rack.begun) == READ_AT_ONCE, "nothing else is begun"
    busy = Busy(up_at=1e9)
    ended = ProductOverApi(
        busy, RACK, RACK, sleep=busy.sleep, clock=lambda: busy.now, ended=lambda: "stopped by ada" * (busy.now >= 3.0)
    )
    assert ended.facts(("clock_offset_s",)) == {}
    assert busy.now == 3.0
    assert ended.facts(("clock_offset_s",)) == {}, "a run that is to end asks for nothing"


class Switching:
    """A rack whose operation goes on for a minute; `words` keeps what it is told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.words: list[str] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, path: str, **query: Any) -> Any:
        return {"state": "done" if self.now >= 60.0 else "running", "summary": ""}

    def post(self, path: str, body: Any) -> Any:
        self.words.append(body["verb"])
        return {"result": {"operation": "k01-1", "plan": {"stages": ["trays"]}}}


def test_an_operation_is_cancelled_when_the_run_is_to_end_and_one_that_puts_back_is_not() -> None:
    rack = Switching()
    product = ProductOverApi(
        rack, RACK, RACK, sleep=rack.sleep, clock=lambda: rack.now, ended=lambda: "stopped by ada" * (rack.now >= 5.0)
    )
    with pytest.raises(CommandRefused, match="as the run is to end"):
        product.operate("off", "u11")
    assert (rack.now, rack.words) == (5.0, ["plan", "approve", "cancel"])
    product.operate("on", "u11", back=True)
    assert (rack.now, rack.words[3:]) == (60.0, ["plan", "approve"])


class Noted(Link):
    """A rack of which the floor noted what its adapters run."""

    def get(self, path: str, **query: Any) -> Any:
        if path != "/api/v1/acceptance/floor":
            return super().get(path, **query)
        assert query == {"rack": RACK}
        by = {"tester": "t1", "calibrated_until": "2027-01-01", "on": "2026-11-20", "actor": "floor", "numbers": {}}
        firmware = {"kind": "nic_firmware", "texts": {"firmware": "28.43"}, **by}
        torque = {"kind": "torque", "place": "u06", "texts": {}, **by, "numbers": {"nm": 12.0}}
        return {"records": [torque, *({"place": f"u11/nic{n}", **firmware} for n in (0, 1))]}


def test_an_as_built_record_of_the_rack_itself_is_compared_with_nothing() -> None:
    class Built(Link):
        def get(self, path: str, **query: Any) -> Any:
            if path == "/api/v1/passports":
                return [{"rack": RACK}]
            rack, tray = {"place": RACK, "serial": "R1", "part": "RACK"}, {"place": f"{RACK}/u11", "serial": "S"}
            return {"parts": [rack, tray]}

    assert ProductOverApi(Built(), RACK, RACK).built() == {"u11": {"serial": "S", "part": None}}


def test_a_baseline_has_what_the_rack_runs_and_what_the_floor_tells_of_it() -> None:
    text, count = draft_baseline(Noted(), {"rack": RACK, "generation": "gb200-nvl72"}, "2026-11-30")
    assert count == 3
    assert all(line in text for line in ('"tray/FW_GPU_0": "97"', '"tray/FW_BMC_0": "24"', '    "nic": "28.43"')), text
    assert '# "nic"' not in text


def test_nothing_is_asked_that_nobody_wants() -> None:
    link = Link()
    assert ProductOverApi(link, RACK, RACK).facts(()) == {}
    assert link.asked == []


class Booting:
    """A rack whose trays are kept off until their controllers have booted, `up_at` s."""

    def __init__(self, up_at: float) -> None:
        self.now, self.up_at, self.planned = 0.0, up_at, 0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, path: str, **query: Any) -> Any:
        if self.now >= self.up_at:
            return {"state": "done"}
        return {"state": "failed", "summary": "u11: Leak unseen at u11: its 4 leak detectors are blind"}

    def post(self, path: str, body: Any) -> Any:
        self.planned += body["verb"] == "plan"
        return {"result": {"operation": f"k01-{self.planned}", "plan": {"stages": ["trays"]}}}


def test_trays_that_are_kept_off_while_their_controllers_boot_are_switched_on_again_and_again() -> None:
    rack = Booting(up_at=45.0)
    product = ProductOverApi(rack, "k01", "k01", sleep=rack.sleep, clock=lambda: rack.now)
    product.operate("on", "", again_s=600.0)
    assert (rack.planned, rack.now) == (6, 50.0)
    for again_s, planned in ((0.0, 1), (60.0, 7)):
        rack = Booting(up_at=1e9)
        product = ProductOverApi(rack, "k01", "k01", sleep=rack.sleep, clock=lambda: rack.now)  # noqa: B023
        with pytest.raises(CommandRefused, match="blind"):
            product.operate("on", "", again_s=again_s)
        assert rack.planned == planned


class Busy:
    """A rack with one endpoint whose settings can be looked at from `up_at` s on; what an older look found is there."""

    def __init__(self, up_at: float) -> None:
        self.now, self.up_at = 0.0, up_at

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def get(self, path: str, **query: Any) -> Any:
        if path.endswith("/endpoints"):
            return [{"place": f"{RACK}/u19/bmc", "enabled": True, "version": ""}]
        found = "-0.3 s, ours" if self.now >= self.up_at else "-99 s, ours"
        judged = {"name": "clock", "found": found, "verdict": "ok", "why": ""}
        return {"judgements": [judged], "error": "" if self.now >= self.up_at else "EndpointTimeout: clock"}

    def post(self, path: str, body: Any) -> Any:
        assert body["verb"] == "check"
        return {"result": {}}


def test_a_look_at_settings_that_fails_is_tried_again_and_an_older_one_is_never_taken_for_it() -> None:
    rack = Busy(up_at=7.0)
    said = ProductOverApi(rack, RACK, RACK, sleep=rack.sleep, clock=lambda: rack.now).facts(("clock_offset_s",))
    assert said["u19/bmc"]["clock_offset_s"] == -0.3
    rack = Busy(up_at=1e9)
    assert ProductOverApi(rack, RACK, RACK, sleep=rack.sleep, clock=lambda: rack.now).facts(("clock_offset_s",)) == {}
