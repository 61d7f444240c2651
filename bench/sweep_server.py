"""The sweep's far end, run as a child process: many TLS origins on loopback addresses that answer from memory.

Prints one JSON line (`port`, `pem`) once it listens, and ends when its standard input closes.
"""

import asyncio
import datetime
import ipaddress
import json
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

import httptools
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def answers() -> dict[bytes, bytes]:
    """Return the whole reply for each path: 12 sensors of about 2 KB and one metric report of about 60 KB."""
    bodies = {f"/redfish/v1/Chassis/C/Sensors/S{n}": sensor_body(n) for n in range(12)}
    bodies["/redfish/v1/TelemetryService/MetricReports/M"] = report_body()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nOData-Version: 4.0\r\nContent-Length: {}\r\n\r\n"
    return {path.encode(): head.format(len(body)).encode() + body for path, body in bodies.items()}


def sensor_body(n: int) -> bytes:
    """Return a Sensor resource of about 2 KB."""
    uri = f"/redfish/v1/Chassis/C/Sensors/S{n}"
    levels = {name: {"Reading": 90 + i} for i, name in enumerate(("UpperCaution", "UpperCritical", "UpperFatal"))}
    body: dict[str, Any] = {
        "@odata.id": uri,
        "@odata.type": "#Sensor.v1_7_0.Sensor",
        "Id": f"S{n}",
        "Name": f"Sensor {n}",
        "Reading": 40.5 + n,
        "ReadingUnits": "Cel",
        "ReadingType": "Temperature",
        "Status": {"Health": "OK", "State": "Enabled", "Conditions": []},
        "Thresholds": levels,
        "RelatedItem": [{"@odata.id": f"/redfish/v1/Systems/System_0/Processors/GPU_{i}"} for i in range(20)],
        "Description": "",
    }
    body["Description"] = "x" * (2046 - len(json.dumps(body)))
    return json.dumps(body).encode()


def report_body() -> bytes:
    """Return a MetricReport of about 60 KB with 335 values."""
    gpu = "/redfish/v1/Systems/HGX_Baseboard_0/Processors/GPU_"
    values = [
        {
            "MetricId": "PowerWatts",
            "MetricProperty": f"{gpu}{i % 4}/EnvironmentMetrics#/P{i:04d}",
            "MetricValue": str(700 + i),
            "Timestamp": "2026-11-01T00:00:00+00:00",
        }
        for i in range(335)
    ]
    return json.dumps({"Id": "M", "Name": "Report", "MetricValues": values}).encode()


class Origin(asyncio.Protocol):
    """One connection: parse the request line, answer from memory, keep alive."""

    def __init__(self, replies: dict[bytes, bytes]) -> None:
        self._replies = replies
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Keep the path."""
        self._url = url

    def on_message_complete(self) -> None:
        """Answer."""
        reply = self._replies.get(self._url.partition(b"?")[0])
        self._transport.write(reply or b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def identity() -> tuple[str, str]:
    """Return (certificate, key) as PEM: self-signed, ECDSA P-256, one for all origins."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sweep")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), secret.decode()


async def serve(addresses: list[str]) -> None:
    """Listen on every address at one port until standard input closes."""
    pem, secret = identity()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "identity.pem"
        chain.touch(mode=0o600)
        chain.write_text(pem + secret)
        context.load_cert_chain(chain)
    replies = answers()
    loop = asyncio.get_running_loop()
    first = await loop.create_server(lambda: Origin(replies), addresses[0], 0, ssl=context, backlog=64)
    port = first.sockets[0].getsockname()[1]
    rest = [
        await loop.create_server(lambda: Origin(replies), address, port, ssl=context, backlog=64)
        for address in addresses[1:]
    ]
    print(json.dumps({"port": port, "pem": pem}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for server in (first, *rest):
        server.close()


if __name__ == "__main__":
    uvloop.run(serve(json.loads(sys.argv[1])))
