"""HTTP as uvicorn speaks it, but for one answer: a method that nobody knows gets 501 and not 400 (RFC 9110 §9.1)."""

import sys

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_ANSWER = b"HTTP/1.1 501 Not Implemented\r\nodata-version: 4.0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser refused, and close the connection."""
        if not isinstance(sys.exc_info()[1], HttpParserInvalidMethodError):
            super().send_400_response(msg)
            return
        self.transport.write(_ANSWER)
        self.transport.close()
