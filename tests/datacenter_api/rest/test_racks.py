"""REST over racks: what is asked for comes back, what is wrong is named, unknown is null."""

from pathlib import Path

import pytest
from support.api import Api, fill
from support.pair import played_pair
from support.play import PlayedRack

from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.outbox import OutboxReport

V1 = "/api/v1"


async def test_a_rack_goes_by_its_place_and_its_short_name(api: Api, rack: PlayedRack) -> None:
    async with api.client() as client:
        (listed,) = (await client.get(f"{V1}/racks")).json()
        for name in ("k01", rack.place, rack.place.replace("/", "%2F")):
            shown = (await client.get(f"{V1}/racks/{name}")).json()
            assert shown["rack"] == listed["rack"] == rack.place
        layout = (await client.get(f"{V1}/racks/k01/layout")).json()
        assert len(layout["trays"]) == 36
        missing = await client.get(f"{V1}/racks/k99")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, "target_unknown")
        assert rack.place in missing.json()["error"]["advice"]


async def test_endpoints_show_both_axes_and_those_not_asked(api: Api, rack: PlayedRack) -> None:
    async with api.client() as client:
        rows = (await client.get(f"{V1}/racks/k01/endpoints")).json()
    asked = [r for r in rows if r["enabled"]]
    assert len(asked) == 63
    assert {(r["state"], r["management"]) for r in asked} == {("on", "reachable")}
    assert all(r["last_success_age_s"] is not None for r in asked)
    assert {r["management"] for r in rows if not r["enabled"]} == {"not asked"}


async def test_an_endpoint_shows_what_stands_behind_it(api: Api, rack: PlayedRack) -> None:
    place = f"{rack.place}/u12/bmc"
    rack.boards = {place: ("partial", "gpu2: listed, but without a number", ["gpu2"])}
    api.services.fleet.find("k01").hear_state(rack.state(), api.services.now())
    async with api.client() as client:
        rows = {r["place"]: r for r in (await client.get(f"{V1}/racks/k01/endpoints")).json()}
        shown = rows[place]
        assert (shown["subtree"], shown["subtree_state"], shown["subtree_missing"]) == ("hmc", "partial", ["gpu2"])
        assert "gpu2" in shown["subtree_why"]
        assert rows[f"{rack.place}/u06/pmc"]["subtree"] == ""


async def test_readings_are_filtered_and_unknown_is_null(api: Api, rack: PlayedRack) -> None:
    rack.set("u12/gpu0", Quantity.POWER, None)
    api.services.fleet.find("k01").hear_frame(rack.frame(), api.services.now())
    async with api.client() as client:
        rows = (await client.get(f"{V1}/racks/k01/readings", params={"place": "u12/gpu0"})).json()
        assert {r["quantity"] for r in rows} == {"power", "temperature", "power_limit", "energy"}
        power = next(r for r in rows if r["quantity"] == "power")
        assert (power["value"], power["quality"]) == (None, "missing")
        rows = (await client.get(f"{V1}/racks/k01/readings", params={"quantity": "leak", "limit": 5})).json()
        assert [(r["text"], r["unit"]) for r in rows] == [("dry", "code")] * 5
        wrong = await client.get(f"{V1}/racks/k01/readings", params={"quantity": "charm"})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "invalid_request")
        wrong = await client.get(f"{V1}/racks/k01/readings", params={"place": "../etc"})
        assert wrong.status_code == 404


async def test_top(api: Api, rack: PlayedRack) -> None:
    rack.set("u20", Quantity.POWER, 777.0)
    rack.set("u33/gpu2", Quantity.TEMPERATURE, 91.0)
    api.services.fleet.find("k01").hear_frame(rack.frame(), api.services.now())
    async with api.client() as client:
        query = {"quantity": "temperature", "component": "gpu", "n": 2}
        rows = (await client.get(f"{V1}/top", params=query)).json()
        assert (rows[0]["place"], rows[0]["value"]) == (f"{rack.place}/u33/gpu2", 91.0)
        lowest = (await client.get(f"{V1}/top", params={**query, "lowest": True, "rack": "k01"})).json()
        assert lowest[0]["value"] == 45.5


async def test_without_the_bus_a_command_is_refused_and_audited(api: Api, rack: PlayedRack) -> None:
    async with api.client() as client:
        answer = await client.post(f"{V1}/racks/k01/commands", json={"verb": "rescan", "target": rack.place})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "bus_unavailable")
        (line,) = (await client.get(f"{V1}/audit", params={"limit": 1})).json()
        assert (line["actor"], line["what"], line["outcome"]) == ("admin", "command rescan", "not sent")
        unknown = await client.post(f"{V1}/racks/k01/commands", json={"verb": "explode", "target": "x"})
        assert unknown.status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"verb": "rescan", "target": "x", "arguments": {"a": NaN}}',
        b'{"verb": "rescan", "target": "x", "arguments": {"a": 1e999}}',
        b'{"verb": "rescan", "target": "x", "surprise": 1}',
        b'{"verb": ' + b"[" * 50_000,
        b'{"verb": "' + b"x" * 2_000_000 + b'"}',
    ],
    ids=["cut off", "NaN", "1e999", "surprise", "deep", "long"],
)
async def test_a_bad_body_costs_only_its_sender(api: Api, body: bytes) -> None:
    async with api.client() as client:
        answer = await client.post(
            f"{V1}/racks/k01/commands", content=body, headers={"content-type": "application/json"}
        )
        assert 400 <= answer.status_code < 500
        assert set(answer.json()["error"]) == {"code", "message", "advice", "message_id"}


async def test_health_is_open_and_says_that_the_bus_is_away(api: Api) -> None:
    async with api.client(None) as client:
        health = (await client.get("/healthz")).json()
    assert (health["status"], health["bus_connected"], health["racks"]) == ("degraded", False, 1)


async def test_health_and_metrics_say_when_the_bus_stores_nothing(api: Api, rack: PlayedRack) -> None:
    record = api.services.fleet.find("k01")
    record.hear_outbox(OutboxReport("telemetry", 12, 3, "no acknowledgement within 5 s"), api.services.now())
    record.hear_outbox(OutboxReport("event", 0, 0), api.services.now())
    async with api.client() as client:
        health = (await client.get("/healthz")).json()
        lines = (await client.get("/metrics")).text.splitlines()
    assert health["status"] == "degraded"
    assert (health["not_stored"], health["waiting"], health["dropped"]) == ("no acknowledgement within 5 s", 12, 3)
    at = f'{{rack="{rack.place}",stream="telemetry"}}'
    assert {f"rack_stream_refused{at} 1", f"rack_outbox_waiting{at} 12", f"rack_outbox_dropped_total{at} 3"} <= {*lines}
    assert f'rack_stream_refused{{rack="{rack.place}",stream="event"}} 0' in lines


async def test_the_description_is_complete_and_served_offline(api: Api) -> None:
    async with api.client() as client:
        described = (await client.get("/openapi.json")).json()
        page = (await client.get("/docs")).text
        assert "http" not in page
        assert (await client.get("/docs/swagger-ui-bundle.js")).status_code == 200
        assert (await client.get("/docs/..%2Findex.html")).status_code == 404
    schemas = described["components"]["schemas"]
    assert {"RackSummary", "ReadingRow", "Layout", "Event", "AccountRow"} <= set(schemas)
    for reference in _references(described):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


async def test_metrics_are_served_from_memory(api: Api) -> None:
    async with api.client() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "rack_power_shelf_output_watts{" in answer.text


async def test_a_full_disk_is_said_so(api: Api, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api.client() as client:
        assert (await client.get(f"{V1}/racks")).status_code == 200
        with api.services.store.begin() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            connection.exec_driver_sql("PRAGMA query_only = ON")
        answer = await client.post(
            f"{V1}/accounts", json={"user": "ann", "password": "correct horse", "role": "viewer"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "environment_unfit")
        assert (await client.get(f"{V1}/racks")).status_code == 200


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    return [ref for value in node for ref in _references(value)] if isinstance(node, list) else []


async def test_a_rack_stands_for_its_only_domain(api: Api) -> None:
    for played in played_pair():
        fill(api.services.fleet.record(played.name), played, api.services.now())
    async with api.client() as client:
        for name in ("k02", "k03", "k02.nvl0"):
            assert (await client.get(f"{V1}/domains/{name}")).json()["id"] == "k02.nvl0"
        unknown = await client.get(f"{V1}/domains/k09")
        assert (unknown.status_code, "k02.nvl0" in unknown.json()["error"]["advice"]) == (404, True)
