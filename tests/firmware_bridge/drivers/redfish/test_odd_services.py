"""Services that answer in ways of their own: the whole road, login, inspection and a live driver, over real TLS.

One small server, told in one row how it answers or what one of its sensors says.  What is read must be the same as from
a service that does as Redfish has it, and what is odd costs only itself, with a note at its URI.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.factory import make_driver
from firmware_bridge.drivers.redfish.session import SESSIONS
from firmware_bridge.drivers.redfish.source import RedfishSource
from firmware_bridge.vocabulary.generation import EndpointSpec, RequestLimits
from firmware_bridge.vocabulary.inventory import EndpointReport
from firmware_bridge.vocabulary.place import Place, leaf_of
from firmware_bridge.vocabulary.quantities import Quantity, ReadingClass
from firmware_bridge.vocabulary.site import SiteEndpoint
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.inspect import inspect_endpoint
from rack_controller.run.clock import SystemClock

R = "/redfish/v1"
SENSORS = f"{R}/Chassis/1/Sensors"
ODD = f"{SENSORS}/t2"
TEMPERATURES = {"t1": 21.5, "t2": 33.0, "t3": 45.25}
WHO = Credential("root", "secret")


def link(uri: str) -> dict[str, str]:
    return {"@odata.id": uri}


def service(end: str = "", sessions: str = SESSIONS) -> dict[str, Any]:
    """Return the documents by path; every link ends in `end`."""
    sensors = {
        f"{SENSORS}/{name}": {
            "@odata.type": "#Sensor.v1_7_0.Sensor",
            "Id": name,
            "Name": name,
            "Reading": value,
            "ReadingType": "Temperature",
            "ReadingUnits": "Cel",
        }
        for name, value in TEMPERATURES.items()
    }
    system = {
        "@odata.type": "#ComputerSystem.v1_16_0.ComputerSystem",
        "Id": "1",
        "PowerState": "On",
        "Actions": {"#ComputerSystem.Reset": {"target": f"{R}/Systems/1/Actions/ComputerSystem.Reset"}},
    }
    return {
        R: {
            "@odata.type": "#ServiceRoot.v1_9_0.ServiceRoot",
            "Id": "RootService",
            "Chassis": link(f"{R}/Chassis{end}"),
            "Systems": link(f"{R}/Systems{end}"),
            "Links": {"Sessions": link(sessions)},
        },
        f"{R}/Chassis": {"Members": [link(f"{R}/Chassis/1{end}")]},
        f"{R}/Chassis/1": {
            "@odata.type": "#Chassis.v1_14_0.Chassis",
            "Id": "1",
            "ChassisType": "RackMount",
            "Sensors": link(f"{SENSORS}{end}"),
            "Links": {"ComputerSystems": [link(f"{R}/Systems/1{end}")]},
        },
        SENSORS: {"Members": [link(f"{uri}{end}") for uri in sensors]},
        **sensors,
        f"{R}/Systems": {"Members": [link(f"{R}/Systems/1{end}")]},
        f"{R}/Systems/1": system,
    }


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


JSON = "Content-Type: application/json"


def plain(body: bytes) -> bytes:
    return reply(body, JSON)


def chunked(body: bytes) -> bytes:
    pieces = [body[n : n + 50] for n in range(0, len(body), 50)]
    chunks = b"".join(b"%x;piece=%d\r\n%s\r\n" % (len(p), n, p) for n, p in enumerate(pieces))
    head = f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nTrailer: Expires\r\n{JSON}\r\n\r\n".encode()
    return head + chunks + b"0\r\nExpires: now\r\nX-Auth-Token: stolen\r\n\r\n"


def closing(body: bytes) -> bytes:
    return f"HTTP/1.0 200 OK\r\n{JSON}\r\n\r\n".encode() + body


WAYS: dict[str, Callable[[bytes], bytes]] = {
    "plain": plain,
    "compressed though nobody asked": lambda b: reply(gzip.compress(b), JSON, "Content-Encoding: gzip"),
    "deflated though nobody asked": lambda b: reply(zlib.compress(b), JSON, "Content-Encoding: deflate"),
    "chunks with extensions and trailers": chunked,
    "HTTP/1.0 that ends by closing": closing,
    "text/plain": lambda b: reply(b, "Content-Type: text/plain; charset=us-ascii"),
    "no content type": lambda b: reply(b),
    "a byte order mark": lambda b: reply(b"\xef\xbb\xbf" + b, JSON),
    "early hints before it": lambda b: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + plain(b),
    "headers in lower case, some twice": lambda b: (
        plain(b)
        .replace(b"Content-", b"content-", 1)
        .replace(b"\r\n\r\n", b"\r\nodata-version: 4.0\r\nodata-version: 4.0\r\ncache-control:no-cache\r\n\r\n", 1)
    ),
    "blanks around it": lambda b: plain(b"\r\n\t " + b + b" \n\0"[:-1]),
}


class Odd:
    """Answers `documents`, each wrapped by `way`; `instead` has whole answers by path; sessions live at `sessions`.

    Members that it expands lack the properties named in `left_out`.
    """

    def __init__(
        self,
        documents: dict[str, Any],
        way: Callable[[bytes], bytes] = plain,
        instead: dict[str, bytes] | None = None,
        sessions: str = SESSIONS,
        slash: bool = False,
        left_out: tuple[str, ...] = (),
    ) -> None:
        self.documents, self.way, self.instead = documents, way, instead or {}
        self.sessions, self.slash, self.left_out = sessions, slash, left_out

    async def __call__(self, request: Any, writer: Any) -> None:
        path, _, query = request.path.partition("?")
        writer.write(self.answer(request.method, path, "$expand" in query))
        if self.way is closing:
            await writer.drain()
            writer.close()

    def answer(self, method: str, path: str, expand: bool) -> bytes:
        if self.slash and not path.endswith("/"):
            return reply(b"", f"Location: {path}/", status="308 Permanent Redirect")
        if method == "POST":
            if path != self.sessions:
                return reply(b"{}", status="404 Not Found")
            return reply(b"{}", "X-Auth-Token: t", f"Location: {self.sessions.rstrip('/')}/1/", status="201 Created")
        key = path.rstrip("/")
        if key in self.instead:
            return self.instead[key]
        if key not in self.documents:
            return reply(b"{}", status="404 Not Found")
        document = self.documents[key]
        if expand:
            uris = [member["@odata.id"] for member in document["Members"]]
            members = [{k: v for k, v in self.documents[u].items() if k not in self.left_out} for u in uris]
            document = {"Members": [link(u) | m for u, m in zip(uris, members, strict=True)]}
        return self.way(json.dumps({"@odata.id": key, **document}).encode())


async def looked_at(peer: Any) -> tuple[EndpointReport, dict[str, float | int | None]]:
    """Return an inspection, and what a live driver reads of temperatures and power state."""
    report = await inspect_endpoint(peer.url, WHO, peer.leaf.pin)
    tray = Place("s/a/r01/k01/u12")
    endpoint = SiteEndpoint(Place(f"{tray}/bmc"), "127.0.0.1", peer.port, pin=peer.leaf.pin)
    spec = EndpointSpec("bmc", "redfish", "redfish/compute_tray", limits=RequestLimits(timeout=Seconds(2.0)))
    source = make_driver(spec, tray, endpoint, WHO, SystemClock())
    assert isinstance(source, RedfishSource)
    await source.discover()
    readings = [*await source.read(ReadingClass.SAFETY), *await source.read(ReadingClass.SLOW)]
    await source.close()
    wanted = {leaf_of(r.place): r.value for r in readings if r.quantity is Quantity.TEMPERATURE}
    return report, wanted | {"on": next(r.value for r in readings if r.quantity is Quantity.POWER_STATE)}


def numbers(report: EndpointReport) -> dict[str, float]:
    return {r.id: r.value for r in report.readings}


@pytest.mark.parametrize("way", WAYS)
async def test_however_a_service_sends_its_documents_they_are_read(peers: Any, way: str) -> None:
    async with peers(Odd(service(), WAYS[way])) as peer:
        report, live = await looked_at(peer)
    assert numbers(report) == TEMPERATURES
    assert live == {**TEMPERATURES, "on": 1.0}
    assert [i.id for i in report.inventory] == ["1"]
    assert report.endpoint["seen"] == "whole"


@pytest.mark.parametrize("end", ["/", ""])
async def test_a_service_that_answers_with_a_slash_only_is_asked_with_it(peers: Any, end: str) -> None:
    at = f"{SESSIONS}/"
    async with peers(Odd(service(end, at), sessions=at, slash=True)) as peer:
        report, live = await looked_at(peer)
    assert numbers(report) == TEMPERATURES
    assert live == {**TEMPERATURES, "on": 1.0}
    assert report.endpoint["seen"] == "whole"
    assert any(n.what == "answers only with a slash behind it" for n in report.notes) == (end == "")


async def test_sessions_are_opened_where_the_service_root_says(peers: Any) -> None:
    at = f"{R}/Sessions"
    async with peers(Odd(service(sessions=at), sessions=at)) as peer:
        report, live = await looked_at(peer)
        posted = [r.path for r in peer.requests if r.method == "POST"]
        ended = [r.path for r in peer.requests if r.method == "DELETE"]
    assert numbers(report) == TEMPERATURES
    assert live["on"] == 1.0
    # Once in vain for a look that knows no root yet; a link that has read it goes there at once.
    assert posted == [SESSIONS, at, at]
    assert ended == [f"{at}/1/"] * 2


async def test_a_root_that_links_to_nothing_hides_nothing(peers: Any) -> None:
    documents = service()
    documents[R] = {"@odata.type": "#ServiceRoot.v1_9_0.ServiceRoot", "Id": "RootService"}
    async with peers(Odd(documents)) as peer:
        report, live = await looked_at(peer)
    assert numbers(report) == TEMPERATURES
    assert live == {**TEMPERATURES, "on": 1.0}
    assert any((n.uri, n.property) == (R, "Chassis") and "usual places" in n.what for n in report.notes)


@pytest.mark.parametrize("left_out", [(), ("Id", "Name", "Reading")], ids=["whole", "in part"])
async def test_expanded_members_that_come_in_part_are_read_alone(peers: Any, left_out: tuple[str, ...]) -> None:
    documents = service()
    documents[R]["ProtocolFeaturesSupported"] = {"ExpandQuery": {"Levels": True, "NoLinks": True, "MaxLevels": 1}}
    async with peers(Odd(documents, left_out=left_out)) as peer:
        report, live = await looked_at(peer)
        alone = [r.path for r in peer.requests if r.path == ODD]
    assert numbers(report) == TEMPERATURES
    assert live == {**TEMPERATURES, "on": 1.0}
    assert bool(alone) == bool(left_out)
    noted = [n.uri for n in report.notes if n.property == "$expand" and "in part" in n.what]
    assert (SENSORS in noted) == bool(left_out)


SPOILT: dict[str, tuple[bytes, str]] = {
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204"),
    "200 without a body": (reply(b"", JSON), "not valid JSON"),
    "a login page": (reply(b"<!DOCTYPE html><html>Sign in</html>", "Content-Type: text/html"), "not valid JSON"),
    "null": (plain(b"null"), "a JSON NoneType"),
    "a text": (plain(b'"33"'), "a JSON str"),
    "UTF-16": (plain(json.dumps({"Reading": 33.0}).encode("utf-16")), "not valid JSON"),
    "NaN": (plain(b'{"Id": "t2", "ReadingType": "Temperature", "Reading": NaN}'), "not valid JSON"),
    "Infinity": (plain(b'{"Id": "t2", "ReadingType": "Temperature", "Reading": -Infinity}'), "not valid JSON"),
    "1e999": (plain(b'{"Id": "t2", "ReadingType": "Temperature", "Reading": 1e999}'), "not valid JSON"),
    "half a document": (plain(b'{"Id": "t2", "ReadingType": "Temperature", "Reading": 33.0'), "not valid JSON"),
    "an error at 200": (plain(b'{"error": {"code": "Base.1.8.GeneralError"}}'), "answers with an error"),
    "404 though listed": (reply(b"{}", status="404 Not Found"), "ResourceMissing"),
    "410": (reply(b"", status="410 Gone"), "HTTP 410"),
    "403, not licensed": (reply(b"{}", status="403 Forbidden"), "HTTP 403"),
    "503 for this one": (reply(b"{}", "Retry-After: 1", status="503 Service Unavailable"), "HTTP 503"),
    "a redirect elsewhere": (reply(b"", "Location: https://192.0.2.1/", status="302 Found"), "redirect (302)"),
}


@pytest.mark.parametrize("row", SPOILT)
async def test_a_spoilt_answer_costs_one_sensor_and_is_noted_at_its_uri(peers: Any, row: str) -> None:
    answer, what = SPOILT[row]
    async with peers(Odd(service(), instead={ODD: answer})) as peer:
        report, live = await looked_at(peer)
    left = {k: v for k, v in TEMPERATURES.items() if k != "t2"}
    assert numbers(report) == left
    assert {k: v for k, v in live.items() if v is not None} == {**left, "on": 1.0}
    assert [n.what for n in report.notes if n.uri == ODD and what in n.what], report.notes


STRANGE: dict[str, tuple[str, float | None, str]] = {
    "an exponent": ('"Reading": 3.3e1', 33.0, ""),
    "the same name twice": ('"Reading": 99, "Reading": 33', 33.0, ""),
    "minus nought": ('"Reading": -0', 0.0, ""),
    "text": ('"Reading": "33.0"', 33.0, "a number sent as text"),
    "text with an exponent": ('"Reading": "33e0"', 33.0, "a number sent as text"),
    "text in degrees of another scale": ('"Reading": "91.4 degF"', 33.0, "with its unit"),
    "NaN as text": ('"Reading": "NaN"', None, "not a number"),
    "a dash": ('"Reading": "--"', None, "not a number"),
    "not available": ('"Reading": "Not Available"', None, "not a number"),
    "null": ('"Reading": null', None, ""),
    "no reading at all": ('"Name": "t2"', None, ""),
    "a boolean": ('"Reading": true', None, "not a number"),
    "a list": ('"Reading": [33]', None, "not a number"),
    "twenty digits": ('"Reading": 18446744073709551616', None, "not a number"),
    "more than heat can be": ('"Reading": 65535', None, "cannot be a temperature"),
}


@pytest.mark.parametrize("row", STRANGE)
async def test_a_strange_number_is_read_or_refused_the_same_in_both_ways(peers: Any, row: str) -> None:
    written, value, what = STRANGE[row]
    body = '{"@odata.id": "%s", "@odata.type": "#Sensor.v1_7_0.Sensor", "Id": "t2", %s, %s}'
    answer = body % (ODD, '"ReadingType": "Temperature", "ReadingUnits": "Cel"', written)
    async with peers(Odd(service(), instead={ODD: plain(answer.encode())})) as peer:
        report, live = await looked_at(peer)
    assert numbers(report).get("t2") == (None if value is None else pytest.approx(value))
    assert live.get("t2") == (None if value is None else pytest.approx(value))
    assert not what or [n for n in report.notes if n.uri == ODD and n.property == "Reading" and what in n.what]
