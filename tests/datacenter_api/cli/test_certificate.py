"""`rackwright certificate` against a running API: requested, signed, replaced live, trusted by the next command."""

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from support.certificates import authority, certificate, signed_request
from support.running import RunningApi, running_api

from datacenter_api.cli.main import run


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    with running_api(tmp_path_factory.mktemp("state"), "--no-console") as api:
        yield api


@pytest.fixture(autouse=True)
def environment(api: RunningApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in api.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def health(link: http.client.HTTPSConnection) -> int:
    """Ask over a connection that stays open."""
    link.request("GET", "/healthz")
    answer = link.getresponse()
    answer.read()
    return answer.status


def test_a_certificate_is_replaced_while_connections_stay_open(
    api: RunningApi, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = authority()
    host, port = api.url.removeprefix("https://").split(":")
    trust = ssl.create_default_context(cafile=str(api.state / "tls" / "ca.pem"))
    with contextlib.closing(http.client.HTTPSConnection(host, int(port), timeout=10, context=trust)) as link:
        assert health(link) == 200
        before = link.sock
        assert run(["certificate", "csr", "rack.example", "--name", host, "--country", "NL", "--key", "p384"]) == 0
        chain = tmp_path / "chain.pem"
        chain.write_text(signed_request(root, capsys.readouterr().out))
        (tmp_path / "root.pem").write_text(root.text)
        assert run(["certificate", "replace", str(chain)]) == 2
        assert "nobody here knows" in capsys.readouterr().err
        assert run(["certificate", "replace", str(chain), "--ca", str(tmp_path / "root.pem")]) == 0
        assert f"{api.url} serves rack.example" in capsys.readouterr().out
        assert health(link) == 200
        assert link.sock is before, "the connection of before goes on"
    alone = ssl.create_default_context(cadata=root.text)
    with alone.wrap_socket(socket.create_connection((host, int(port))), server_hostname=host) as link:
        shown = x509.load_der_x509_certificate(link.getpeercert(True) or b"")
    assert shown == x509.load_pem_x509_certificate(chain.read_bytes())
    assert run(["certificate", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["names"] == ["rack.example", host]
    run(["doctor", "--json"])
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)["items"]}["certificate"]
    assert (found["result"], "issued by others" in found["found"]) == ("ok", True)


def test_a_certificate_for_another_name_is_served_and_the_command_says_how_to_go_on(
    api: RunningApi, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = authority()
    issued = certificate(root, hosts=("localhost",), days=(-1, 5))
    for name, text in (("chain.pem", issued.text + root.text), ("key.pem", issued.key_text)):
        (tmp_path / name).write_text(text)
    assert run(["certificate", "replace", str(tmp_path / "chain.pem"), "--key", str(tmp_path / "key.pem")]) == 0
    told = capsys.readouterr()
    assert told.out == "replaced\n"
    assert told.err.startswith("but now ")
    assert "--url" in told.err
    there = api.url.replace("127.0.0.1", "localhost")
    assert run(["--url", there, "certificate", "show", "-o", "name"]) == 0
    run(["doctor", "--json"])
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out.split("\n", 1)[1])["items"]}["certificate"]
    assert (found["result"], "certificate csr" in found["advice"]) == ("warn", True)


def test_what_cannot_be_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["certificate", "csr", "x", "--key", "rsa512"]) == 2
    assert run(["certificate", "replace", str(tmp_path / "none.pem")]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 2
    assert "p256" in told
