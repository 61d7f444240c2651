"""HTTP as uvicorn speaks it, with three things of ours.

A method that nobody knows gets 501 and not 400 (RFC 9110 §9.1).  A GET that the application can answer without waiting
is answered where it was read: a task and an ASGI round cost more than most answers.  A stream may have the transport.
"""

import sys
from typing import Any

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from datacenter_api.events.stream import TRANSPORT

_ANSWER = b"HTTP/1.1 501 Not Implemented\r\nodata-version: 4.0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_WITH_BODY = frozenset((b"content-length", b"transfer-encoding", b"expect", b"upgrade"))


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _answered = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answer_now = getattr(self.config.app, "answer_now", None)

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._answered = False
        self.scope[TRANSPORT] = self.transport  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        """Answer at once what can be, and hand everything else to the application."""
        if not self._at_once():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body that somebody waits for."""
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request that somebody waits for."""
        if not self._answered:
            super().on_message_complete()

    def _at_once(self) -> bool:
        """Return whether the request has been answered."""
        idle = self.cycle is None or self.cycle.response_complete
        if self._answer_now is None or not idle or self.flow.write_paused or self.parser.get_method() != b"GET":
            return False
        headers = dict(self.headers)
        if not _WITH_BODY.isdisjoint(headers) or not self.parser.should_keep_alive():
            return False
        path, _, query = self.url.partition(b"?")
        answer = self._answer_now(path, query, headers, self.client)
        if answer is None:
            return False
        status, fields, body = answer
        head = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            head += (name, b": ", value, b"\r\n")
        head += (fields, b"content-length: %d\r\n\r\n" % len(body), body)
        self.transport.write(b"".join(head))
        self._answered = True
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        return True

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused, and close the connection."""
        if not isinstance(sys.exc_info()[1], HttpParserInvalidMethodError):
            super().send_400_response(msg)
            return
        self.transport.write(_ANSWER)
        self.transport.close()
