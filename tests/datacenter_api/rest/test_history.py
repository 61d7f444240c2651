"""`GET …/history`: what it answers, what it refuses, and in which words."""

import time
from typing import Any

import pytest
from support.api import Api, fill
from support.play import PlayedRack, played_rack

from datacenter_api.history.ledger import Mark
from firmware_bridge.vocabulary.units import UnixNanoseconds
from rack_controller.model.frame import Frame

PATH = "/api/v1/racks/k01/history"
SERIES = "u11/gpu0:power"


def hear(api: Api, rack: PlayedRack, seconds: int) -> int:
    """Let history hear `seconds` frames that end now; return the first one's Unix s."""
    intake, begin, one = api.services.history.intake(rack.name), int(time.time()) - seconds, rack.frame()
    for n in range(seconds):
        said = UnixNanoseconds((begin + n) * 10**9)
        frame = Frame(one.table_id, n, said, one.gauges, one.counters, one.ages, one.quality)
        intake.take(frame, Mark(""))
    return begin


async def get(api: Api, *, accept: str = "", **query: Any) -> Any:
    async with api.client() as client:
        headers = {"accept": accept} if accept else {}
        return await client.get(PATH, params={"series": SERIES, **query}, headers=headers)


async def test_series_over_time(api: Api, rack: PlayedRack) -> None:
    begin = hear(api, rack, 40)
    answer = (await get(api, series=[SERIES, "u11/gpu0:energy"], step=10, **{"from": begin})).json()
    power, energy = answer["series"]
    assert (power["place"], power["quantity"], power["unit"]) == ("lab1/a/r01/k01/u11/gpu0", "power", "W")
    assert sum(power["count"]) == 40
    assert answer["step_s"] == 10
    assert answer["from"] == answer["times"][0] == begin // 10 * 10
    assert len(answer["times"]) == len(power["mean"]) == len(energy["max"])
    known = [m for m in power["mean"] if m is not None]
    assert known == [900.0] * len(known)
    assert all(isinstance(v, int) for v in energy["max"] if v is not None), "a counter is a whole number"


async def test_csv_by_format_and_by_accept(api: Api, rack: PlayedRack) -> None:
    begin = hear(api, rack, 5)
    for answer in (
        await get(api, format="csv", step=1, **{"from": begin}),
        await get(api, accept="text/csv", step=1, **{"from": begin}),
    ):
        assert answer.headers["content-type"].startswith("text/csv")
        head, first, *_ = answer.text.splitlines()
        assert head == "time,place,quantity,unit,mean,min,max,count"
        assert first.endswith(",lab1/a/r01/k01/u11/gpu0,power,W,900.0,900.0,900.0,1")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"series": "u11/gpu0"}, 404, "PLACE:QUANTITY"),
        ({"series": "u11/gpu99:power"}, 404, "no series"),
        ({"series": "u11/gpu0:sorrow"}, 404, "PLACE:QUANTITY"),
        ({"series": "U11//:power"}, 404, ""),
        ({"from": "yesterday"}, 422, "no time"),
        ({"from": "-1h", "to": "-2h"}, 422, "after"),
        ({"step": "0"}, 422, "step"),
        ({"step": "fast"}, 422, "step"),
        ({"from": "-30d", "step": "1"}, 422, "use step 60 or more"),
        ({"format": "xml"}, 422, "format"),
        ({"series": [SERIES] * 33}, 422, "at most 32"),
        ({"form": "-7d"}, 422, "no parameter 'form'"),
        ({"series": "lab1/a/r01/k02/u11:power"}, 404, "not in rack lab1/a/r01/k01"),
    ],
)
async def test_what_cannot_be_is_refused(api: Api, query: dict[str, Any], status: int, words: str) -> None:
    answer = await get(api, **query)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


async def test_a_known_series_without_points_is_empty_and_no_error(api: Api) -> None:
    answer = (await get(api, step=60, **{"from": "-10min"})).json()
    assert set(answer["series"][0]["count"]) == {0}
    assert set(answer["series"][0]["mean"]) == {None}


async def test_an_unknown_rack(api: Api) -> None:
    async with api.client() as client:
        assert (await client.get("/api/v1/racks/k99/history", params={"series": SERIES})).status_code == 404


async def test_a_series_may_begin_with_its_racks_name_and_another_racks_is_named(api: Api, rack: PlayedRack) -> None:
    hear(api, rack, 3)
    assert (await get(api, series=f"k01/{SERIES}")).json()["series"][0]["place"] == f"{rack.place}/u11/gpu0"
    other = played_rack(2)
    fill(api.services.fleet.record(other.name), other, api.services.now())
    answer = await get(api, series=f"k02/{SERIES}")
    assert answer.status_code == 404
    assert answer.json()["error"]["advice"] == "ask rack lab1/a/r01/k02"
