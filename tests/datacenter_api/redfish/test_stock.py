"""Reports are asked for when somebody looks, endpoints side by side, and never twice in a row."""

import asyncio

from support.play import played_rack
from support.redfish_hall import report_of

from datacenter_api.fleet.record import RackRecord
from datacenter_api.redfish.stock import AGAIN_AFTER, AT_ONCE, FRESH_FOR, StockRoom
from firmware_bridge.vocabulary.errors import BusUnavailable
from firmware_bridge.vocabulary.units import Seconds


class Controller:
    """Answers as a controller does; `refused` endpoints are away."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.at_once, self.most_at_once = 0, 0
        self.refused: set[str] = set()
        self.in_part: set[str] = set()

    async def ask(self, _rack: str, want: str, place: str) -> bytes:
        assert want == "report"
        self.asked.append(place)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if place in self.refused:
            raise BusUnavailable("away")
        report = report_of(place)
        return report.replace(b'"endpoint":{', b'"endpoint":{"seen":"part",') if place in self.in_part else report


def rack() -> RackRecord:
    record, played = RackRecord("k01"), played_rack(1)
    record.hear_layout(played.layout)
    return record


async def test_nothing_is_asked_before_somebody_looks_and_then_endpoints_side_by_side() -> None:
    now, controller, record = [0.0], Controller(), rack()
    room = StockRoom(controller.ask, lambda: Seconds(now[0]))
    assert room.report("lab1/a/r01/k01/u12/bmc") is None
    assert controller.asked == []
    room.want(record)
    room.want(record)
    await room.settle("k01", Seconds(30.0))
    assert len(controller.asked) == len(set(controller.asked)) > 30
    assert controller.most_at_once == AT_ONCE <= 8, "the controller reads leaks meanwhile"
    report = room.report("lab1/a/r01/k01/u12/bmc")
    assert report is not None
    assert report.endpoint["vendor"] == "Maker"
    assert [item.serial_number for item in report.inventory[:3]] == ["S-u12", "one", "other"]


async def test_a_report_is_read_again_when_it_is_old_and_somebody_looks() -> None:
    now, controller, record = [0.0], Controller(), rack()
    room = StockRoom(controller.ask, lambda: Seconds(now[0]))
    room.want(record)
    await room._busy["k01"]
    first = len(controller.asked)
    now[0] += FRESH_FOR - 1
    room.want(record)
    assert len(controller.asked) == first
    now[0] += 2
    room.want(record)
    await room._busy["k01"]
    assert len(controller.asked) == 2 * first


async def test_an_endpoint_that_is_away_costs_itself_only_and_is_asked_again_later() -> None:
    now, controller, record = [0.0], Controller(), rack()
    controller.refused = {"lab1/a/r01/k01/u12/bmc"}
    room = StockRoom(controller.ask, lambda: Seconds(now[0]))
    room.want(record)
    await room._busy["k01"]
    assert room.report("lab1/a/r01/k01/u12/bmc") is None
    assert room.report("lab1/a/r01/k01/u13/bmc") is not None
    controller.asked.clear()
    controller.refused = set()
    now[0] += AGAIN_AFTER + 1
    room.want(record)
    await room._busy["k01"]
    assert controller.asked == ["lab1/a/r01/k01/u12/bmc"]
    assert room.report("lab1/a/r01/k01/u12/bmc") is not None


async def test_a_report_with_something_missing_is_asked_for_again_soon() -> None:
    now, controller, record = [0.0], Controller(), rack()
    controller.in_part = {"lab1/a/r01/k01/u12/bmc"}
    room = StockRoom(controller.ask, lambda: Seconds(now[0]))
    room.want(record)
    await room._busy["k01"]
    controller.asked.clear()
    controller.in_part = set()
    now[0] += AGAIN_AFTER + 1
    room.want(record)
    await room._busy["k01"]
    assert controller.asked == ["lab1/a/r01/k01/u12/bmc"]
    now[0] += AGAIN_AFTER + 1
    room.want(record)
    assert controller.asked == ["lab1/a/r01/k01/u12/bmc"]
