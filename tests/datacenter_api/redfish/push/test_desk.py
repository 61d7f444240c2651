"""Pushed subscriptions as a client meets them: made, filtered, delivered over real sockets, kept over a restart."""

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.api import Api
from support.play import until
from support.redfish_hall import Hall

from datacenter_api.auth.authority import ensure_certificates
from datacenter_api.redfish.push.settings import ALLOWED_VARIABLE, PushSettings
from firmware_bridge.emulator.certificates import make_pem
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.model.event import Event, Severity
from rack_controller.model.roles import Role

SUBSCRIPTIONS = "/redfish/v1/EventService/Subscriptions"
WISH = {"Destination": "https://198.18.0.9/events", "Protocol": "Redfish", "Context": "mine"}


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"].rsplit(".", 1)[1])


def happen(hall: Hall, number: int, severity: Severity = Severity.CRITICAL) -> None:
    event = Event(f"{number}-k01", 2**62 + number, "lab1/a/r01/k01/u12/leak1", "leak.critical", severity, "wet")
    hall.api.services.events.add(event)
    hall.api.services.bus.on_event(event)


@pytest.fixture(autouse=True)
def _loopback_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED_VARIABLE, "127.0.0.0/8")


class Listener:
    """Keeps what it is sent: headers and Event; answers `status`."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], Any]] = []
        self.status, self.url = 204, ""

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
        self.heard.append((headers, json.loads(await reader.readexactly(int(headers["content-length"])))))
        writer.write(b"HTTP/1.1 %d X\r\nlocation: http://127.0.0.1:1/\r\n\r\n" % self.status)
        writer.close()

    def ids(self) -> list[str]:
        return [record["EventId"] for _, event in self.heard for record in event["Events"]]


@asynccontextmanager
async def listening(tls: Path | None = None) -> AsyncIterator[Listener]:
    made, context = Listener(), None
    if tls is not None:
        files = ensure_certificates(tls, ["127.0.0.1"], datetime.now(UTC))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
    server = await asyncio.start_server(made.take, "127.0.0.1", 0, ssl=context)
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/in?a=b"
    yield made
    server.close()


async def test_a_subscriber_is_sent_what_it_chose_and_its_headers_are_never_shown(hall: Hall) -> None:
    async with listening() as listener, hall.api.client() as client:
        wish = {
            **WISH,
            "Destination": listener.url,
            "HttpHeaders": [{"X-Key": "s3cret"}],
            "Severities": ["Critical"],
            "OriginResources": [{"@odata.id": "/redfish/v1/Chassis/k01"}],
            "SubordinateResources": True,
            "DeliveryRetryPolicy": "RetryForever",
        }
        made = await client.post(SUBSCRIPTIONS, json=wish)
        assert made.status_code == 201, made.text
        at = made.headers["location"]
        assert "s3cret" not in made.text
        assert (made.json()["HttpHeaders"], made.json()["Severities"]) == ([], ["Critical"])
        assert {"@odata.id": at} in (await client.get(SUBSCRIPTIONS)).json()["Members"]
        happen(hall, 1, Severity.OK)
        happen(hall, 2)
        await until(lambda: listener.ids() == ["2-k01"], within=20)
        headers, event = listener.heard[0]
        assert (headers["x-key"], event["Context"], event["@odata.type"]) == ("s3cret", "mine", "#Event.v1_13_0.Event")
        changed = await client.patch(at, json={"Context": "other", "HttpHeaders": []})
        assert (changed.status_code, changed.json()["Context"]) == (200, "other")
        happen(hall, 3)
        await until(lambda: "3-k01" in listener.ids(), within=20)
        headers, event = listener.heard[-1]
        assert ("x-key" in headers, event["Context"]) == (False, "other")
        assert (await client.delete(at)).status_code == 204
        assert (await client.get(at)).status_code == 404
        assert hall.world.desk.figures.delivered == 2
    whats = [row["what"] for row in hall.api.services.store.audited(20)]
    assert {"subscription.create", "subscription.change", "subscription.remove"} <= set(whats)
    await hall.world.desk.close()


async def test_a_redirect_is_no_delivery_and_a_subscription_that_fails_is_ended_and_audited(hall: Hall) -> None:
    async with listening() as listener, hall.api.client() as client:
        await client.patch("/redfish/v1/EventService", json={"DeliveryRetryAttempts": 0})
        listener.status = 307
        at = (await client.post(SUBSCRIPTIONS, json={**WISH, "Destination": listener.url})).headers["location"]
        happen(hall, 1)
        await until(lambda: not hall.world.desk.couriers, within=20)
        assert (await client.get(at)).status_code == 404
    ended = next(row for row in hall.api.services.store.audited(5) if row["what"] == "subscription.end")
    assert "307" in str(ended["detail"])


async def test_a_listener_is_verified_when_that_is_asked_for(hall: Hall, tmp_path: Path) -> None:
    async with listening(tmp_path / "far") as listener, hall.api.client() as client:
        wish = {**WISH, "Destination": listener.url, "VerifyCertificate": True, "DeliveryRetryPolicy": "SuspendRetries"}
        await client.patch("/redfish/v1/EventService", json={"DeliveryRetryAttempts": 0})
        at = (await client.post(SUBSCRIPTIONS, json=wish)).headers["location"]
        happen(hall, 1)
        courier = hall.world.desk.couriers[at.rsplit("/", 1)[1]]
        await until(lambda: courier.kept.suspended, within=20)
        assert "not trusted" in str(courier.failing)
        status = (await client.get(at)).json()["Status"]
        assert status == {"State": "Disabled", "Health": "Warning"}
        authorities = hall.world.desk.poster.authorities
        authorities.parent.mkdir(exist_ok=True)
        authorities.write_bytes((tmp_path / "far" / "ca.pem").read_bytes())
        resume = f"{at}/Actions/EventDestination.ResumeSubscription"
        assert (await client.post(resume, json={})).status_code == 204
        await until(lambda: listener.ids() == ["1-k01"], within=20)
        assert (await client.post(resume.replace("Resume", "Suspend"), json={})).status_code == 204
        assert (await client.get(at)).json()["Status"]["State"] == "Disabled"
    await hall.world.desk.close()


async def test_a_listener_is_trusted_by_the_certificates_of_its_subscription(hall: Hall, tmp_path: Path) -> None:
    async with listening(tmp_path / "far") as listener, hall.api.client() as client:
        wish = {**WISH, "Destination": listener.url, "VerifyCertificate": True, "DeliveryRetryPolicy": "SuspendRetries"}
        await client.patch("/redfish/v1/EventService", json={"DeliveryRetryAttempts": 0})
        at = (await client.post(SUBSCRIPTIONS, json=wish)).headers["location"]
        where = (await client.get(at)).json()["Certificates"]["@odata.id"]
        own = {"CertificateString": (tmp_path / "far" / "server.pem").read_text(), "CertificateType": "PEM"}
        own["CertificateString"] = own["CertificateString"].split("-----END CERTIFICATE-----")[0] + PEM_END
        made = await client.post(where, json=own)
        assert (made.status_code, made.headers["location"]) == (201, f"{where}/1")
        assert made.json()["Subject"]["CommonName"] == "Rackwright API"
        happen(hall, 1)
        await until(lambda: listener.ids() == ["1-k01"], within=20)
        async with hall.api.client(hall.api.user_for(Role.TECHNICIAN)) as other:
            assert (await other.get(where)).status_code == 404
            assert (await other.delete(f"{where}/1")).status_code == 404
        assert (await client.delete(f"{where}/1")).status_code == 204
        assert (await client.delete(f"{where}/1")).status_code == 404
        stranger = {"CertificateString": make_pem("10.0.0.9").decode().split(KEY_END)[1], "CertificateType": "PEM"}
        assert (await client.post(where, json=stranger)).status_code == 201
        happen(hall, 2)
        courier = hall.world.desk.couriers[at.rsplit("/", 1)[1]]
        await until(lambda: courier.kept.suspended, within=20)
        assert "not trusted" in str(courier.failing)
        for _ in range(3):
            assert (await client.post(where, json=stranger)).status_code == 201
        full = await client.post(where, json=stranger)
        assert (full.status_code, message(full)) == (400, "CreateLimitReachedForResource")
    await hall.world.desk.close()


PEM_END, KEY_END = "-----END CERTIFICATE-----\n", "-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"CertificateType": "PEM"}, "PropertyMissing"),
        ({"CertificateString": 7, "CertificateType": "PEM"}, "PropertyValueTypeError"),
        ({"CertificateString": "no certificate", "CertificateType": "PEM"}, "PropertyValueFormatError"),
        ({"CertificateString": make_pem("10.0.0.9").decode(), "CertificateType": "PEM"}, "PropertyValueFormatError"),
        ({"CertificateString": "x" * 40_000, "CertificateType": "PEM"}, "StringValueTooLong"),
        ({"CertificateString": "x", "CertificateType": "PKCS7"}, "PropertyValueNotInList"),
        (
            {"CertificateString": 2 * make_pem("10.0.0.9").decode().split(KEY_END)[1], "CertificateType": "PEM"},
            "PropertyValueIncorrect",
        ),
        ({"CertificateString": "x", "CertificateType": "PEM", "Shoe": 38}, "PropertyUnknown"),
    ],
)
async def test_what_is_no_certificate_is_not_trusted(hall: Hall, body: dict[str, Any], said: str) -> None:
    async with hall.api.client() as client:
        at = (await client.post(SUBSCRIPTIONS, json=WISH)).headers["location"]
        answer = await client.post(f"{at}/Certificates", json=body)
        assert (answer.status_code, message(answer)) == (400, said), answer.text
        assert (await client.get(f"{at}/Certificates")).json()["Members"] == []
    await hall.world.desk.close()


async def test_a_restart_forgets_no_subscription_and_sends_nothing_twice(hall: Hall, state: Path) -> None:
    async with listening() as listener:
        async with hall.api.client() as client:
            wish = {**WISH, "Destination": listener.url, "HttpHeaders": [{"X-Key": "s3cret"}]}
            assert (await client.post(SUBSCRIPTIONS, json=wish)).status_code == 201
        happen(hall, 1)
        await until(lambda: listener.ids() == ["1-k01"], within=20)
        await hall.world.desk.close()
        kept = state / "api" / "redfish-subscriptions.json"
        assert kept.stat().st_mode & 0o077 == 0
        again = Api(state)
        again.gate.redfish.wake()  # type: ignore[union-attr]
        for number in (1, 2):
            event = Event(f"{number}-k01", 2**62 + number, "lab1/a/r01/k01/u12", "x.y", Severity.OK, "m")
            again.services.bus.on_event(event)
        await until(lambda: listener.ids() == ["1-k01", "2-k01"], within=20)
        assert listener.heard[-1][0]["x-key"] == "s3cret"
        await again.gate.redfish.close()  # type: ignore[union-attr]
        again.services.store.close()


async def test_an_account_that_is_gone_is_sent_nothing_even_when_the_disk_is_full(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = hall.api.user_for(Role.OPERATOR)
    async with listening() as listener:
        async with hall.api.client(user) as client:
            assert (await client.post(SUBSCRIPTIONS, json={**WISH, "Destination": listener.url})).status_code == 201
        hall.api.services.accounts.remove(user)

        def full(*_: object) -> None:
            raise EnvironmentUnfit("no space")

        monkeypatch.setattr("datacenter_api.redfish.push.desk.write_book", full)
        happen(hall, 1)
        assert hall.world.desk.couriers == {}
        assert listener.heard == []


# One hall for all of them: it costs more than the requests.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"Destination": "https://169.254.169.254/latest"}, "PropertyValueIncorrect"),
    ({"Destination": "https://[::ffff:169.254.169.254]/"}, "PropertyValueIncorrect"),
    ({"Destination": "https://0251.0376.0251.0376/"}, "PropertyValueFormatError"),
    ({"Destination": "https://a:b@198.18.0.9/"}, "PropertyValueFormatError"),
    ({"Destination": 7}, "PropertyValueTypeError"),
    ({"Destination": None}, "PropertyValueTypeError"),
    ({"Protocol": "FTP"}, "PropertyValueNotInList"),
    ({"Protocol": "SNMPv3"}, "PropertyValueNotInList"),
    ({"Odd": 1}, "PropertyUnknown"),
    ({"EventTypes": ["Nonsense"]}, "PropertyValueNotInList"),
    ({"EventTypes": "Alert"}, "PropertyValueTypeError"),
    ({"RegistryPrefixes": ["Nonsense"]}, "PropertyValueNotInList"),
    ({"ResourceTypes": ["Nonsense"]}, "PropertyValueNotInList"),
    ({"MessageIds": ["x"] * 65}, "ArraySizeTooLong"),
    ({"OriginResources": ["/redfish/v1/Chassis"]}, "PropertyValueTypeError"),
    ({"OriginResources": [{"@odata.id": "https://elsewhere/"}]}, "PropertyValueFormatError"),
    ({"Context": "x" * 2000}, "StringValueTooLong"),
    ({"HttpHeaders": [{"Host": "x"}]}, "PropertyValueFormatError"),
    ({"HttpHeaders": [{"X": "a\r\nY: b"}]}, "PropertyValueFormatError"),
    ({"HttpHeaders": [{"X": 1}]}, "PropertyValueTypeError"),
    ({"HttpHeaders": "X: y"}, "PropertyValueTypeError"),
    ({"DeliveryRetryPolicy": "Never"}, "PropertyValueNotInList"),
    ({"VerifyCertificate": "yes"}, "PropertyValueTypeError"),
    ({"SubscriptionType": "SSE"}, "PropertyValueNotInList"),
    ({"EventFormatType": "MetricReport"}, "PropertyValueNotInList"),
]


async def test_a_wrong_subscription_is_refused_by_the_property_at_fault(hall: Hall) -> None:
    async with hall.api.client() as client:
        for change, code in WRONG:
            answer = await client.post(SUBSCRIPTIONS, json={**WISH, **change})
            assert (answer.status_code, message(answer)) == (400, code), answer.text
            related = answer.json()["error"]["@Message.ExtendedInfo"][0]["RelatedProperties"]
            assert related == [f"#/{next(iter(change))}"]
    assert hall.world.desk.couriers == {}
    refused = [row for row in hall.api.services.store.audited(50) if row["what"] == "subscription.create"]
    assert [row["outcome"] for row in refused] == ["refused"] * len(WRONG)


async def test_without_the_setting_a_listener_on_this_machine_is_refused(hall: Hall) -> None:
    hall.world.desk.guard = replace(hall.world.desk.guard, settings=PushSettings())
    async with hall.api.client() as client:
        for host in ("127.0.0.1:9", "localhost", "[::1]", "127.44.0.1"):
            answer = await client.post(SUBSCRIPTIONS, json={**WISH, "Destination": f"http://{host}/"})
            assert (answer.status_code, message(answer)) == (400, "PropertyValueIncorrect")
            assert "loopback" in answer.text
        assert hall.world.desk.figures.unfit == 4
    viewer = hall.api.user_for(Role.VIEWER)
    async with hall.api.client(viewer) as client:
        assert (await client.post(SUBSCRIPTIONS, json=WISH)).status_code == 403


async def test_a_name_that_means_something_else_by_now_is_not_connected_to(hall: Hall) -> None:
    told = [["198.18.0.9"], ["127.0.0.1"]]

    async def resolve(_host: str) -> list[Any]:
        return [ipaddress.ip_address(text) for text in told.pop(0)]

    desk = hall.world.desk
    desk.guard = replace(desk.guard, settings=PushSettings(), resolve=resolve)
    async with hall.api.client() as client:
        await client.patch("/redfish/v1/EventService", json={"DeliveryRetryAttempts": 0})
        wish = {**WISH, "Destination": "https://rebound.example/", "DeliveryRetryPolicy": "SuspendRetries"}
        at = (await client.post(SUBSCRIPTIONS, json=wish)).headers["location"]
    happen(hall, 1)
    courier = desk.couriers[at.rsplit("/", 1)[1]]
    await until(lambda: courier.kept.suspended, within=20)
    assert "loopback" in str(courier.failing)
    await desk.close()


UNCHANGEABLE: list[tuple[str, dict[str, Any], str]] = [
    ("", {"DeliveryRetryAttempts": 101}, "PropertyValueOutOfRange"),
    ("", {"DeliveryRetryIntervalSeconds": "5"}, "PropertyValueTypeError"),
    ("", {"ServiceEnabled": False}, "PropertyNotWritable"),
    ("", {"Shoe": 38}, "PropertyUnknown"),
    ("", {}, "PropertyMissing"),
    ("/Subscriptions/{}", {"Destination": "https://198.18.0.10/"}, "PropertyNotWritable"),
    ("/Subscriptions/{}", {"Shoe": 38}, "PropertyUnknown"),
    ("/Subscriptions/{}", {}, "PropertyMissing"),
]


async def test_what_may_not_be_changed_is_told_by_property(hall: Hall) -> None:
    async with hall.api.client() as client:
        made = (await client.post(SUBSCRIPTIONS, json=WISH)).headers["location"].rsplit("/", 1)[1]
        for path, body, code in UNCHANGEABLE:
            answer = await client.patch(f"/redfish/v1/EventService{path.format(made)}", json=body)
            assert (answer.status_code, message(answer)) == (400, code)
        resume = f"{SUBSCRIPTIONS}/{made}/Actions/EventDestination.ResumeSubscription"
        wrong = await client.post(resume, json={"DeliverBufferedEventDuration": "soon"})
        assert (wrong.status_code, message(wrong)) == (400, "ActionParameterValueFormatError")
        assert (await client.post(resume, json={"Odd": 1})).status_code == 400
        assert (await client.post(resume.replace(made, "none"), json={})).status_code == 404


async def test_each_account_has_its_own_subscriptions_and_a_bounded_number(hall: Hall) -> None:
    user = hall.api.user_for(Role.OPERATOR)
    async with hall.api.client(user) as client, hall.api.client() as admin:
        of_admin = (await admin.post(SUBSCRIPTIONS, json=WISH)).headers["location"]
        answers = [await client.post(SUBSCRIPTIONS, json=WISH) for _ in range(17)]
        assert [a.status_code for a in answers] == [201] * 16 + [503]
        assert message(answers[-1]) == "EventSubscriptionLimitExceeded"
        assert len((await client.get(SUBSCRIPTIONS)).json()["Members"]) == 16
        assert len((await admin.get(SUBSCRIPTIONS)).json()["Members"]) == 17
        for answer in (await client.get(of_admin), await client.delete(of_admin)):
            assert answer.status_code == 404
