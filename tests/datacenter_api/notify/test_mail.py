"""Mail over TLS: the certificate is judged by the host's name while the connection goes to the judged address."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from support.certificates import Issued, authority, certificate

from datacenter_api.notify.file import Credentials, Mailbox
from datacenter_api.notify.mail import send_mail
from datacenter_api.redfish.push.http_post import NotDelivered

HERE = ipaddress.ip_address("127.0.0.1")
BOX = Mailbox("oncall", "rack.example", "rack@example.org", ("oncall@example.org",))
ACCOUNT = Credentials("rack", "hidden")
Security = Literal["tls", "starttls"]


@asynccontextmanager
async def mail_host(
    by: Issued, folder: Path, security: Literal["tls", "starttls"]
) -> AsyncIterator[tuple[int, list[str]]]:
    """A mail host that speaks TLS from the start, or once it is asked to; gives its port and what it heard."""
    issued = certificate(by)
    (folder / "mail.pem").write_text(issued.text + issued.key_text)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "mail.pem")
    heard: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            heard.append(line)
            word = line.split()[0].upper()
            if word == "EHLO":
                writer.write(b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
            elif word == "STARTTLS":
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(context)
            elif word == "AUTH":
                writer.write(b"235 ok\r\n" if line.endswith("AHJhY2sAaGlkZGVu") else b"535 no\r\n")
            elif word == "DATA":
                writer.write(b"354 go\r\n")
                heard.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 ok\r\n")
            else:
                writer.write(b"221 bye\r\n" if word == "QUIT" else b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


def trusting(by: Issued) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=by.text)
    return context


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_mail_goes_over_tls_with_its_account(tmp_path: Path, security: Security) -> None:
    site = authority()
    async with mail_host(site, tmp_path, security) as (port, heard):
        box = msgspec.structs.replace(BOX, port=port, security=security)
        await send_mail(box, HERE, ACCOUNT, trusting(site), "a leak", "at u31")
        assert "Subject: a leak" in heard[-2]
        assert heard.index("AUTH PLAIN AHJhY2sAaGlkZGVu") > heard.index(
            "STARTTLS" if security == "starttls" else heard[0]
        )


async def test_another_certificate_gets_neither_account_nor_mail(tmp_path: Path) -> None:
    site = authority()
    for security in ("tls", "starttls"):
        async with mail_host(site, tmp_path, security) as (port, heard):  # type: ignore[arg-type]
            box = msgspec.structs.replace(BOX, port=port, security=security)
            with pytest.raises(NotDelivered, match="CERTIFICATE_VERIFY_FAILED"):
                await send_mail(box, HERE, ACCOUNT, trusting(authority("another")), "a leak", "at u31")
            other = msgspec.structs.replace(box, host="elsewhere.example")
            with pytest.raises(NotDelivered, match=r"(?i)hostname mismatch|not valid for"):
                await send_mail(other, HERE, ACCOUNT, trusting(site), "a leak", "at u31")
            assert not any(line.startswith(("AUTH", "MAIL")) for line in heard)


async def test_an_account_that_is_refused_is_said_without_its_password(tmp_path: Path) -> None:
    site = authority()
    async with mail_host(site, tmp_path, "starttls") as (port, _):
        box = msgspec.structs.replace(BOX, port=port)
        with pytest.raises(NotDelivered, match="refuses the account") as refused:
            await send_mail(box, HERE, Credentials("rack", "wrong"), trusting(site), "a leak", "at u31")
        assert "wrong" not in str(refused.value)
