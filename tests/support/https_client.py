"""One HTTPS request over a fresh connection, read to its end: what the emulator's own tests look through."""

import asyncio
import base64
import json
import ssl
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


async def fetch(
    url: str,
    *,
    method: str = "GET",
    auth: tuple[str, str] | None = None,
    body: Any = None,
    within: float = 10.0,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Send one request and read until the peer closes; trusts any certificate (pins are other tests' matter)."""
    parts = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        try:
            raw = b"" if body is None else json.dumps(body).encode()
            lines = [f"{method} {parts.path}{'?' + parts.query if parts.query else ''} HTTP/1.1", "host: test"]
            if auth is not None:
                lines.append("authorization: Basic " + base64.b64encode(":".join(auth).encode()).decode())
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            lines += ["content-type: application/json", f"content-length: {len(raw)}", "connection: close", "", ""]
            writer.write("\r\n".join(lines).encode() + raw)
            answer = await reader.read(-1)
        finally:
            writer.transport.abort()
    if not answer:
        raise ConnectionResetError("closed without an answer")
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    told = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest)}
    return Reply(int(first.split()[1]), told, content)


async def shown_pin(address: str, port: int) -> tuple[str, bytes]:
    """Return the pin (`sha256//…`) and DER of the certificate that a listener shows."""
    from cryptography import x509

    from firmware_bridge.emulator.certificates import pin_of

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(address, port, ssl=context)
    der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return pin_of(x509.load_der_x509_certificate(der)), der
