"""A run's connection to the API: one that was idle is made anew, as the API may close it just then."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rack_controller.acceptance import rest
from rack_controller.acceptance.rest import Api

HELD: list[tuple[str, int]] = []
"""Method and the client's port of each request."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        HELD.append((self.command, self.client_address[1]))
        content = json.dumps({"ok": True}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    HELD.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def plain(host: str, port: int, *, timeout: float, context: object) -> rest.http.client.HTTPConnection:
        return rest.http.client.HTTPConnection(host, port, timeout=timeout)

    monkeypatch.setattr(rest.http.client, "HTTPSConnection", plain)
    yield Api("127.0.0.1", server.server_address[1], None, "token")
    server.shutdown()
    server.server_close()


def test_a_connection_that_was_idle_is_made_anew_before_a_request_that_is_sent_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(rest.time, "monotonic", lambda: now[0])
    assert api.get("/readings") == {"ok": True}
    now[0] += rest.IDLE_S / 2
    assert api.post("/commands", {"verb": "plan"}) == {"ok": True}
    now[0] += rest.IDLE_S
    assert api.post("/commands", {"verb": "plan"}) == {"ok": True}
    (_, first), (_, second), (_, third) = HELD
    assert (first == second, second == third) == (True, False)
