"""Every reply fault on a real TLS socket, and the recorded tree behind it."""

import asyncio
import datetime
import json
import ssl
import zlib
from typing import Any

import pytest
from cryptography import x509
from support.https_client import Reply, fetch, shown_pin

from firmware_bridge.emulator.faults import Fault, FaultKind
from firmware_bridge.emulator.harness import ServedEndpoint, serve_tree

SENSOR = "/redfish/v1/Chassis/1/Sensors/power"
TREE: dict[str, Any] = {
    "/redfish/v1/": {"@odata.id": "/redfish/v1/", "@odata.type": "#ServiceRoot.v1_15_0.ServiceRoot"},
    "/redfish/v1/Chassis": {"@odata.id": "/redfish/v1/Chassis", "Members": [{"@odata.id": "/redfish/v1/Chassis/gone"}]},
    "/redfish/v1/Chassis/1": {"@odata.id": "/redfish/v1/Chassis/1", "LocationIndicatorActive": False, "Model": "M"},
    SENSOR: {"@odata.id": SENSOR, "Reading": 42.5, "ReadingUnits": "W"},
    "/redfish/v1/SessionService/Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions", "Members": []},
}


async def get(served: ServedEndpoint, uri: str = SENSOR, within: float = 10.0) -> Reply:
    return await fetch(served.url + uri, auth=(served.user, served.password), within=within)


async def test_a_recording_is_served_as_it_is() -> None:
    async with serve_tree(TREE) as served:
        assert (await get(served)).body == TREE[SENSOR]
        assert (await get(served, "/redfish/v1")).body == TREE["/redfish/v1/"]
        assert (await get(served, "/redfish/v1/Chassis/")).body == TREE["/redfish/v1/Chassis"]
        assert (await get(served, "/redfish/v1/Chassis/gone")).status == 404
        assert (await get(served, "/redfish/v1/SessionService/Sessions")).body["Members"] == []
        assert served.seen[SENSOR] == 1


async def test_a_recording_takes_the_locate_light_and_nothing_else() -> None:
    async with serve_tree(TREE) as served:
        auth, url = (served.user, served.password), served.url + "/redfish/v1/Chassis/1"
        lit = await fetch(url, method="PATCH", auth=auth, body={"LocationIndicatorActive": True})
        assert lit.body["LocationIndicatorActive"] is True
        assert (await get(served, "/redfish/v1/Chassis/1")).body["LocationIndicatorActive"] is True
        assert (await fetch(url, method="PATCH", auth=auth, body={"Model": "X"})).status == 400
        assert (await fetch(url, method="DELETE", auth=auth)).status == 405


async def test_a_session_and_wrong_passwords() -> None:
    async with serve_tree(TREE, password="right") as served:
        where = served.url + "/redfish/v1/SessionService/Sessions"
        made = await fetch(where, method="POST", body={"UserName": "root", "Password": "right"})
        assert made.status == 201
        assert made.headers["x-auth-token"]
        assert (await fetch(served.url + SENSOR, auth=("root", "wrong"))).status == 401
        assert (await fetch(served.url + SENSOR)).status == 401


async def test_a_hang_says_nothing_and_others_go_on() -> None:
    async with serve_tree(TREE) as served:
        served.faults.set([Fault(what=FaultKind.HANG, uri=SENSOR)])
        waiting = asyncio.create_task(get(served, within=0.5))
        assert (await get(served, "/redfish/v1/Chassis")).status == 200
        with pytest.raises(TimeoutError):
            await waiting


async def test_a_reset_cuts_the_connection() -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.RESET, times=1)]) as served:
        with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
            await get(served)
        assert (await get(served)).status == 200


async def test_half_a_body_promises_more_than_it_brings() -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.HALF_BODY)]) as served:
        reply = await get(served)
        assert 0 < len(reply.raw) < int(reply.headers["content-length"])


async def test_deep_wrong_and_foreign_answers() -> None:
    async with serve_tree(TREE) as served:
        served.faults.set([Fault(what=FaultKind.NESTED)])
        assert (await get(served)).raw.startswith(b"[" * 100_000)
        served.faults.set([Fault(what=FaultKind.NAN)])
        reply = await get(served)
        assert b'"Reading":NaN' in reply.raw
        assert json.loads(reply.raw)["ReadingUnits"] == "W"
        served.faults.set([Fault(what=FaultKind.REDIRECT, location="https://127.0.0.1:9/x")])
        reply = await get(served)
        assert (reply.status, reply.headers["location"]) == (302, "https://127.0.0.1:9/x")


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_status_comes_with_an_error_body(status: int) -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.STATUS, status=status)]) as served:
        reply = await get(served)
        assert reply.status == status
        assert reply.body["error"]["@Message.ExtendedInfo"]


async def test_slow_is_late_but_right() -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.SLOW, seconds=0.3)]) as served:
        began = asyncio.get_running_loop().time()
        assert (await get(served)).body == TREE[SENSOR]
        assert asyncio.get_running_loop().time() - began >= 0.3


async def test_a_huge_body_costs_the_server_nothing_when_the_reader_leaves() -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.HUGE, uri=SENSOR)]) as served:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(served.address, served.port, ssl=context)
        writer.write(f"GET {SENSOR} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"content-length: 1073741824" in head
        await reader.readexactly(1 << 20)
        writer.transport.abort()
        assert (await get(served, "/redfish/v1/Chassis")).status == 200


async def test_the_certificate_faults() -> None:
    async with serve_tree(TREE) as served:
        pin, der = await shown_pin(served.address, served.port)
        assert pin == served.pin
        shown = x509.load_der_x509_certificate(der)
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.WRONG_CERTIFICATE)]) as served:
        assert (await shown_pin(served.address, served.port))[0] != served.pin
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.EXPIRED_CERTIFICATE)]) as served:
        pin, der = await shown_pin(served.address, served.port)
        assert pin == served.pin
        ended = x509.load_der_x509_certificate(der).not_valid_after_utc
        assert ended < datetime.datetime.now(datetime.UTC)


ETAG, URL = "etag", "/redfish/v1/Chassis/1"


async def patch(served: ServedEndpoint, lit: bool, match: str | None = None) -> Reply:
    headers = {} if match is None else {"if-match": match}
    body = {"LocationIndicatorActive": lit}
    return await fetch(
        served.url + URL, method="PATCH", auth=(served.user, served.password), body=body, headers=headers
    )


async def test_a_lost_response_has_acted() -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.LOST_RESPONSE, times=1)]) as served:
        with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
            await patch(served, True)
        assert (await get(served, URL)).body["LocationIndicatorActive"] is True


async def test_a_wrong_etag_never_fits() -> None:
    async with serve_tree(TREE) as served:
        right = (await get(served, URL)).headers[ETAG]
        served.faults.set([Fault(what=FaultKind.WRONG_ETAG)])
        shown = (await get(served, URL)).headers[ETAG]
        assert shown != right
        assert [(await patch(served, True, match)).status for match in (right, shown)] == [412, 412]
        served.faults.set([])
        assert (await patch(served, True, right)).status == 200


async def test_bodies_that_say_something_else() -> None:
    tree = {
        **TREE,
        URL: {"@odata.id": URL, "Name": "tray", "FirmwareVersion": "2.0", "DateTime": "2026-01-01T00:00:00Z"},
    }
    async with serve_tree(tree) as served:
        for what, name, said in (
            (FaultKind.STALE_VERSION, "FirmwareVersion", "0.0.1-stale"),
            (FaultKind.CLOCK_1970, "DateTime", "1970-01-01T00:00:42+00:00"),
            (FaultKind.HOSTILE_TEXT, "Name", "\r\nlocation: x\x1b[31m\u202e\u2066tray"),
        ):
            served.faults.set([Fault(what=what)])
            assert (await get(served, URL)).body[name] == said
        served.faults.set([Fault(what=FaultKind.FOREIGN_LINK, location="https://127.0.0.1:9/x")])
        listed = (await get(served, "/redfish/v1/Chassis")).body["Members"]
        assert listed == [{"@odata.id": "https://127.0.0.1:9/x"}]


async def test_bodies_without_end_do_not_hold_the_others_up() -> None:
    async with serve_tree(TREE) as served:
        for what in (FaultKind.ENDLESS, FaultKind.DRIP):
            served.faults.set([Fault(what=what, uri=SENSOR, seconds=0.05)])
            waiting = asyncio.create_task(get(served, within=0.4))
            assert (await get(served, "/redfish/v1/Chassis")).status == 200
            with pytest.raises(TimeoutError):
                await waiting


async def test_a_small_body_that_unpacks_to_a_gigabyte() -> None:
    async with serve_tree(TREE, faults=[Fault(what=FaultKind.GZIP)]) as served:
        reply = await get(served)
        assert reply.headers["content-encoding"] == "gzip"
        assert len(reply.raw) < 4 << 20
        unpacked, unpacker = 0, zlib.decompressobj(31)
        rest = reply.raw
        while rest and unpacked < 64 << 20:
            unpacked += len(unpacker.decompress(rest, 1 << 20))
            rest = unpacker.unconsumed_tail
        assert unpacked >= 64 << 20


async def test_a_task_that_vanishes_and_a_reboot_in_its_middle() -> None:
    task = "/redfish/v1/TaskService/Tasks/1"
    async with serve_tree({**TREE, task: {"@odata.id": task, "TaskState": "Running"}}) as served:
        assert (await get(served, task)).body["TaskState"] == "Running"
        served.faults.set([Fault(what=FaultKind.TASK_VANISHES)])
        assert (await get(served, task)).status == 404
        assert (await get(served)).status == 200
        served.faults.set([Fault(what=FaultKind.REBOOT, uri="*/Tasks/*", seconds=30.0, times=1)])
        for uri in (task, SENSOR):  # emulated time stands still here: it stays away
            with pytest.raises((ConnectionError, ssl.SSLError, OSError)):
                await get(served, uri)
