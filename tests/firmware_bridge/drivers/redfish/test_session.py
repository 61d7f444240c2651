"""The reference client behind its wrapper: one session, one certificate, no way out to another host."""

import asyncio
import json
import time
from typing import Any

import pytest
from support.patience import PATIENCE

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.link import LOGIN_COOL_DOWN, RedfishLink
from firmware_bridge.drivers.redfish.session import SESSIONS, SessionOwner
from firmware_bridge.vocabulary.errors import (
    DeviceError,
    EndpointRefused,
    EndpointUnreachable,
    LoginRefused,
    ReplyMalformed,
    ReplyTooLarge,
    ResourceMissing,
    TrustRefused,
)
from firmware_bridge.vocabulary.generation import RequestLimits
from firmware_bridge.vocabulary.units import Seconds

QUICK = RequestLimits(timeout=Seconds(1.0), most_bytes=64 * 1024)
WHO = Credential("root", "correct horse")


class Bmc:
    """A service with sessions: tokens it gave out, and what it does to the next requests."""

    def __init__(self) -> None:
        self.tokens: set[str] = set()
        self.logins = 0
        self.password = WHO.secret
        self.moods = 0  # requests that are refused for no reason before all is well again
        self.reply = http(b'{"Id": "x"}')
        self.location_prefix = ""

    async def __call__(self, request: Any, writer: asyncio.StreamWriter) -> None:
        if self.moods:
            self.moods -= 1
            self.logins += request.method == "POST"
            writer.write(http(b"{}", "401 Unauthorized"))
        elif request.method == "POST" and request.path == SESSIONS:
            writer.write(self._login(json.loads(request.body)))
        elif request.headers.get("x-auth-token") not in self.tokens:
            writer.write(http(b"{}", "401 Unauthorized"))
        elif request.method == "DELETE" and request.path.startswith(SESSIONS):
            self.tokens.discard(request.headers["x-auth-token"])
            writer.write(http(b"", "204 No Content"))
        else:
            writer.write(self.reply)

    def _login(self, body: dict[str, str]) -> bytes:
        self.logins += 1
        if body != {"UserName": WHO.user, "Password": self.password}:
            return http(b"{}", "401 Unauthorized")
        token = f"token{self.logins}"
        self.tokens.add(token)
        where = f"Location: {self.location_prefix}{SESSIONS}/{self.logins}"
        return http(b"{}", "201 Created", f"X-Auth-Token: {token}", where)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def link_to(peer: Any, credential: Credential = WHO) -> RedfishLink:
    return RedfishLink("t/bmc", "127.0.0.1", peer.port, peer.leaf.pin, QUICK, credential)


def owner_of(peer: Any) -> SessionOwner:
    return SessionOwner("t/bmc", peer.url, QUICK, WHO, peer.leaf.pin)


async def test_one_session_serves_everybody_and_is_deleted_at_the_end(peers: Any) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer)
        await asyncio.gather(*(link.get(f"/redfish/v1/S{n}") for n in range(8)))
        await link.change("PATCH", "/redfish/v1/Chassis/1", {"LocationIndicatorActive": True})
        assert bmc.logins == 1
        patch = next(r for r in peer.requests if r.method == "PATCH")
        assert json.loads(patch.body) == {"LocationIndicatorActive": True}
        await link.close()
        assert bmc.tokens == set()
        await link.close()


async def test_a_session_that_ended_is_renewed_once_for_all_readers(peers: Any) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer)
        await link.get("/redfish/v1/S")
        bmc.tokens.clear()
        await asyncio.gather(*(link.get(f"/redfish/v1/S{n}") for n in range(6)))
        assert bmc.logins == 2
        bmc.tokens.clear()
        assert (await link.change("POST", "/redfish/v1/X", {})).status == 200
        assert bmc.logins == 3
        await link.close()


async def test_a_wrong_password_is_tried_once_and_then_waited_for(peers: Any) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer, Credential("root", "wrong"))
        for _ in range(5):
            with pytest.raises(LoginRefused) as caught:
                await link.get("/redfish/v1/S")
        assert bmc.logins == 1
        assert LOGIN_COOL_DOWN >= 10
        assert "wrong" not in str(caught.value)
        assert "wrong" not in repr(caught.value.__cause__)
        await link.close()


@pytest.mark.parametrize(("moods", "logins", "wrong"), [(1, 1, 1), (2, 2, 0), (3, 2, 0), (4, 3, 1)])
async def test_a_401_for_no_reason_is_asked_again_before_the_session_is_given_up(
    peers: Any, moods: int, logins: int, wrong: int
) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer)
        await link.get("/redfish/v1/S")
        bmc.moods = moods  # the second one ends the session, the third meets its end, the fourth the new login
        assert await link.get("/redfish/v1/S") == b'{"Id": "x"}'
        assert (bmc.logins, link.governor.wrong_401s) == (logins, wrong)
        await link.close()


async def test_a_password_that_worked_is_tried_once_more_and_then_waited_for(peers: Any) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer)
        await link.get("/redfish/v1/S")
        bmc.password = "changed by somebody else"
        bmc.tokens.clear()
        for _ in range(4):
            with pytest.raises(LoginRefused):
                await link.get("/redfish/v1/S")
        assert bmc.logins == 3
        assert link.governor.wrong_401s == 0
        await link.close()


async def test_a_login_that_is_refused_for_no_reason_is_soon_tried_again(
    peers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_bridge.drivers.redfish.link.SHORT_COOL_DOWN", 0.02)
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer)
        await link.get("/redfish/v1/S")
        bmc.moods = 6  # two for the read, one for the end of the session, one for the root, two for the login
        with pytest.raises(LoginRefused):
            await link.get("/redfish/v1/S")
        await asyncio.sleep(0.03)
        assert await link.get("/redfish/v1/S") == b'{"Id": "x"}'
        await link.close()


async def test_a_password_that_worked_and_is_refused_again_and_again_is_waited_for(
    peers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firmware_bridge.drivers.redfish.link.SHORT_COOL_DOWN", 0.02)
    bmc = Bmc()
    async with peers(bmc) as peer:
        link = link_to(peer)
        await link.get("/redfish/v1/S")
        bmc.password = "changed by somebody else"
        bmc.tokens.clear()
        for _ in range(5):
            with pytest.raises(LoginRefused):
                await link.get("/redfish/v1/S")
            await asyncio.sleep(0.03)
        assert bmc.logins == 1 + 3, "two at once, one soon, and then none for a long time"
        await link.close()


async def test_another_certificate_never_sees_the_password(peers: Any) -> None:
    async with peers(Bmc()) as peer, peers(Bmc()) as other:
        with pytest.raises(TrustRefused, match="expected"):
            await SessionOwner("t/bmc", peer.url, QUICK, WHO, other.leaf.pin).login()
        assert peer.requests == []


async def test_an_expired_certificate_sees_nothing_of_us(peers: Any) -> None:
    async with peers(Bmc(), days=-1) as peer:
        with pytest.raises(TrustRefused, match="expired"):
            await owner_of(peer).login()
        assert peer.requests == [], "nor anything else"


async def test_the_environment_has_no_say(peers: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    async with peers(Bmc()) as peer:
        owner = owner_of(peer)
        met = await owner.login()
        assert (met.token, met.leaf) == ("token1", peer.leaf)
        await owner.logout()


async def hang(request: Any, writer: asyncio.StreamWriter) -> None:
    await asyncio.get_running_loop().create_future()  # until the test is over


async def drip(request: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 10000\r\n\r\n")
    for _ in range(100):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (hang, EndpointUnreachable),
        (drip, EndpointUnreachable),
        (http(b"", "302 Found", "Location: https://127.0.0.1:9/x"), TrustRefused),
        (http(b"{}", "401 Unauthorized"), LoginRefused),
        (http(b"{}", "403 Forbidden"), LoginRefused),
        (http(b"{}", "503 Busy"), EndpointRefused),
        (http(b"{}", "201 Created"), ReplyMalformed),
        (http(b'{"a":' * 5_000, "201 Created"), ReplyTooLarge),
        (http(b'{"a":', "201 Created"), ReplyMalformed),
        (http(b"{}", "201 Created", "X-Auth-Token: a b"), ReplyMalformed),
        (http(b"{}", "201 Created", "X-Auth-Token: " + "t" * 5_000), ReplyMalformed),
        (http(b"{}", "201 Created", "X: " + "t" * 40_000), ReplyTooLarge),
        (http(b'{"@Message.ExtendedInfo": [{"MessageId": "Base.1.5.PasswordChangeRequired"}]}'), LoginRefused),
        (http(b"[]", "201 Created", "X-Auth-Token: t"), ReplyMalformed),
        (http(b" " * 100_000, "201 Created"), ReplyTooLarge),
    ],
    ids=lambda v: v.__name__ if callable(v) else None,
)
@pytest.mark.filterwarnings("ignore:Service incorrectly")
async def test_every_hostile_login_has_a_name_and_a_bound(peers: Any, answer: Any, error: type[DeviceError]) -> None:
    async with peers(answer) as peer:
        began = time.monotonic()
        with pytest.raises(DeviceError) as caught:
            await owner_of(peer).login()
        assert type(caught.value) is error
        assert WHO.secret not in str(caught.value)
        assert time.monotonic() - began < 4.0


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(b"", "307 Temporary Redirect", "Location: https://127.0.0.1:9/x"), TrustRefused),
        (http(b"", "202 Accepted", "Location: https://127.0.0.1:9/redfish/v1/TaskService/Tasks/1"), TrustRefused),
        (http(b"{}", "404 Not Found"), ResourceMissing),
        (http(b'{"error": {"message": "bad value"}}', "400 Bad Request"), EndpointRefused),
        (http(b'{"a": NaN}'), ReplyMalformed),
        (http(b'{"a":' * 10_000), ReplyTooLarge),
    ],
)
async def test_every_hostile_answer_to_a_change_has_a_name(peers: Any, answer: bytes, error: type[DeviceError]) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        owner = owner_of(peer)
        await owner.login()
        bmc.reply = answer
        with pytest.raises(DeviceError) as caught:
            await owner.change("PATCH", "/redfish/v1/Chassis/1", {"A": 1})
        assert type(caught.value) is error
        assert sum(r.method == "PATCH" for r in peer.requests) == 1
        await owner.logout()


async def test_a_task_is_pointed_to_by_its_own_path(peers: Any) -> None:
    bmc = Bmc()
    async with peers(bmc) as peer:
        owner = owner_of(peer)
        await owner.login()
        bmc.reply = http(b'{"Id": "1"}', "202 Accepted", f"Location: {peer.url}/redfish/v1/TaskService/Tasks/1")
        answer = await owner.change("POST", "/redfish/v1/UpdateService/Actions/X", {"A": 1}, etag='"7"')
        assert (answer.status, answer.location) == (202, "/redfish/v1/TaskService/Tasks/1")
        assert peer.requests[-1].headers["if-match"] == '"7"'
        with pytest.raises(ValueError, match="does not change"):
            await owner.change("GET", "/redfish/v1")
        await owner.logout()


async def test_a_session_that_claims_to_live_elsewhere_is_not_followed_there(peers: Any) -> None:
    bmc = Bmc()
    bmc.location_prefix = "https://127.0.0.1:9"
    async with peers(bmc) as peer:
        owner = owner_of(peer)
        await owner.login()
        await owner.logout()
        assert owner.token is None


async def test_closing_a_link_does_not_wait_for_a_login_that_hangs(peers: Any) -> None:
    asked = asyncio.Event()

    async def hang_and_tell(request: Any, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.get_running_loop().create_future()  # until the test is over

    async with peers(hang_and_tell) as peer:
        patient = RequestLimits(timeout=Seconds(20.0))
        link = RedfishLink("t/bmc", "127.0.0.1", peer.port, peer.leaf.pin, patient, WHO)
        reading = asyncio.create_task(link.get("/redfish/v1/S"))
        await asyncio.wait_for(asked.wait(), 10 * PATIENCE)
        began = time.monotonic()
        await link.close()
        with pytest.raises(EndpointUnreachable, match="closed"):
            await reading
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("link", ["https://192.0.2.1/redfish/v1/Chassis", "//192.0.2.1/x", "/redfish/v1/../x"])
async def test_a_root_without_sessions_that_points_elsewhere_gets_the_password_once(peers: Any, link: str) -> None:
    posts = 0

    async def answer(request: Any, writer: asyncio.StreamWriter) -> None:
        nonlocal posts
        if request.method == "POST":
            posts += 1
            writer.write(http(b"{}", "404 Not Found"))
        else:
            writer.write(http(json.dumps({"Chassis": {"@odata.id": link}}).encode()))

    async with peers(answer) as peer:
        owner = link_to(peer)
        for _ in range(3):
            with pytest.raises(TrustRefused, match="the service root"):
                await owner.get("/redfish/v1/S")
        assert posts == 1
        assert not any("authorization" in r.headers for r in peer.requests)
        await owner.close()
