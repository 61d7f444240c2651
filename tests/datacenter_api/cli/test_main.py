"""The command against a running API with a played rack: data on stdout, the rest on stderr, exit codes by contract."""

import asyncio
import datetime
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.patience import PATIENCE
from support.play import stage
from support.running import PASSWORD, RunningApi, running_api

from datacenter_api.auth.authority import ensure_certificates
from datacenter_api.cli.connection import connect
from datacenter_api.cli.main import run
from rack_controller.model.event import Severity


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApi]:
    """One API for the whole module; the played rack speaks from a thread of its own."""
    state = tmp_path_factory.mktemp("state")
    ready, over = threading.Event(), threading.Event()

    async def play() -> None:
        async with stage(state) as scene:
            (rack,) = scene.racks.values()
            said = "leak detector 2 reports a leak"
            await scene.say_event(rack, "leak.critical", Severity.CRITICAL, said, "u14/leak2")
            await scene.say_event(rack, "endpoint.back", Severity.OK, "answers again", "u12/bmc")
            ready.set()
            while not over.is_set():
                await scene.say(rack)
                await asyncio.sleep(0.2)

    thread = threading.Thread(target=lambda: asyncio.run(play()), daemon=True)
    thread.start()
    assert ready.wait(15 * PATIENCE)
    with running_api(state, "--no-console") as api:
        deadline = time.monotonic() + 15 * PATIENCE
        while not api.health()["racks_live"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield api
    over.set()
    thread.join(10)


@pytest.fixture(autouse=True)
def environment(api: RunningApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in api.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")


def test_status_shows_every_rack_and_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status"]) == 0
    table = capsys.readouterr()
    assert "k01" in table.out
    assert "63/63" in table.out
    assert "bus connected" in table.out
    assert run(["rack", "list", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["items"][0]["gpus"] == 72
    assert run(["rack", "show", "-o", "yaml"]) == 0
    assert len(yaml.safe_load(capsys.readouterr().out)["trays"]) == 36
    assert run(["rack", "list", "-o", "name"]) == 0
    assert capsys.readouterr().out == "lab1/a/r01/k01\n"


def test_endpoints_sensors_and_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["endpoint", "list", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["items"]) == 63
    assert run(["endpoint", "show", "u12/bmc", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["inventory"][0]["kind"] == "gpu"
    assert run(["sensor", "list", "u12/gpu0"]) == 0
    assert "1234567890123  J" in capsys.readouterr().out
    assert run(["sensor", "top", "power", "-c", "psu", "-n", "3", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["items"]) == 3
    assert run(["event", "tail", "--severity", "critical"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "leak detector 2 reports a leak" in lines[1]


def test_a_wrong_word_is_told_in_the_users_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["locate", "up", "u12"]) == 2
    assert capsys.readouterr().err.startswith("rackwright: Invalid value for 'light': 'up' is not one of 'on', 'off'")


def test_the_callers_password_is_never_given_to_another_account(capsys: pytest.CaptureFixture[str]) -> None:
    assert os.environ["RACKWRIGHT_PASSWORD"]
    assert run(["account", "add", "twin", "--role", "viewer"]) == 2
    assert "give --password-file FILE" in capsys.readouterr().err
    assert run(["account", "password"]) == 2
    assert "give --old-file FILE" in capsys.readouterr().err
    assert run(["account", "list", "-o", "name"]) == 0
    assert "twin" not in capsys.readouterr().out


def test_a_command_reaches_the_controller(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["locate", "on", "u12"]) == 0
    assert "accepted" in capsys.readouterr().out
    assert run(["rescan"]) == run(["rescan", "k01"]) == run(["rescan", "--rack", "k01"]) == 0
    assert run(["rescan", "k01", "--rack", "k02"]) == 2
    capsys.readouterr()
    for words in (["locate", "on", "u12"], ["tray", "locate", "u12", "off"], ["rescan"]):
        assert run([*words, "-o", "json"]) == 0
        told = capsys.readouterr()
        document = json.loads(told.out)
        assert (document["schema_version"], document["accepted"], told.err) == (1, True, "")
        assert run([*words, "-o", "name"]) == 0
        assert capsys.readouterr().out.startswith("op-")


def test_a_tray_stands_for_its_only_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["endpoint", "show", "u12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inventory"][0]["kind"] == "gpu"


def test_an_account_that_was_made_or_changed_is_data_when_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    words = ["account", "add", "vera", "--role", "viewer", "--password-file", str(password), "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["role"] == "viewer"
    assert run(["account", "change", "vera", "--disable", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["enabled"] is False
    assert run(["account", "remove", "vera"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["rack", "show", "k99"], 3, "known racks"),
        (["locate", "on", "u99"], 3, "u99"),
        (["endpoint", "show", "u99/bmc"], 3, "u99"),
        (["endpoint", "show", "u12/gpu0"], 3, "no endpoint"),
        (["sensor", "list", "u99"], 3, "u99"),
        (["sensor", "list", "lab1/a/r01/k09"], 3, "known racks"),
        (["sensor", "list", "-q", "charm"], 2, "quantity: there is no 'charm': one of 'power'"),
        (["sensor", "top", "-n", "0"], 2, "rackwright sensor top --help"),
        (["rack", "show", "--bogus"], 2, "No such option: --bogus"),
        (["locate", "maybe", "u12"], 2, "'on', 'off'"),
        (["locate"], 2, "Missing argument"),
        (["rack", "show", "--url", "http://x"], 2, "https"),
        (["rack", "show", "--url", "https://127.0.0.1:1"], 2, "nothing listens"),
        (["no-such-noun"], 2, "No such command"),
        (["endpoint", "inspect", "https://127.0.0.1:1", "--user", "x"], 2, "--trust"),
    ],
)
def test_what_goes_wrong_is_one_line_with_its_code(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert told.err.startswith("rackwright: ")
    assert told.err.count("\n") == 1
    assert "Traceback" not in told.err


def test_a_noun_without_a_verb_gets_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rack"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Usage: rackwright rack")
    assert run(["rack", "-h"]) == 0
    assert capsys.readouterr().out.startswith("Usage: rackwright rack")


def test_a_wrong_password_is_denied(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("RACKWRIGHT_PASSWORD", "not this one")
    assert run(["rack", "list"]) == 4
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "RACKWRIGHT_PASSWORD" in told


def test_another_authority_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = ensure_certificates(tmp_path / "other", [], datetime.datetime.now(datetime.UTC))
    monkeypatch.setenv("RACKWRIGHT_CA_FILE", str(other.ca_file))
    assert run(["rack", "list"]) == 2
    assert "not trusted" in capsys.readouterr().err


def test_login_keeps_a_token_and_not_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    monkeypatch.delenv("RACKWRIGHT_USER")
    monkeypatch.delenv("RACKWRIGHT_PASSWORD")
    assert run(["rack", "list"]) == 4
    assert run(["login", "--user", "admin", "--password-file", str(password)]) == 0
    tokens = tmp_path / "rackwright" / "tokens.json"
    assert tokens.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in tokens.read_text()
    assert run(["rack", "list"]) == 0
    tokens.chmod(0o644)
    assert run(["rack", "list"]) == 2
    tokens.chmod(0o600)
    assert run(["logout"]) == 0
    assert run(["rack", "list"]) == 4
    assert "Traceback" not in capsys.readouterr().err


def test_following_shows_past_and_coming_events(api: RunningApi) -> None:
    command = [sys.executable, "-m", "datacenter_api.cli.main", "event", "tail", "-f", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "leak.critical"
        assert json.loads(process.stdout.readline())["kind"] == "endpoint.back"
        process.terminate()
        process.communicate(timeout=10 * PATIENCE)


def test_doctor_finds_the_certificate(capsys: pytest.CaptureFixture[str]) -> None:
    run(["doctor", "--json"])
    found = {row["check"]: row for row in json.loads(capsys.readouterr().out)["items"]}
    assert found["certificate"]["found"] == "397 days left"
    assert found["nats-server"]["result"] == "ok"
    assert {row["result"] for row in found.values()} <= {"ok", "warn", "fail"}


def test_doctor_looks_at_the_port_that_the_api_recorded(
    api: RunningApi, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def port() -> dict[str, str]:
        run(["doctor", "--json", "--state", str(tmp_path)])
        rows = json.loads(capsys.readouterr().out)["items"]
        return next(row for row in rows if row["check"] == "port")

    listen = api.url.removeprefix("https://")
    (tmp_path / "server.json").write_text(json.dumps({"url": api.url}))
    assert (port()["result"], port()["found"]) == ("ok", f"the API of {tmp_path} listens at {listen}")
    (tmp_path / "server.json").write_text(json.dumps({"url": "https://127.0.0.1:1"}))
    assert (port()["result"], "does not answer at 127.0.0.1:1" in port()["found"]) == ("warn", True)
    (tmp_path / "server.json").write_text("{")
    assert "127.0.0.1:8443" in port()["found"]


def test_doctor_names_the_budget_of_the_api_that_runs(
    api: RunningApi, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def history() -> str:
        run(["doctor", "--json", "--state", str(tmp_path)])
        rows = json.loads(capsys.readouterr().out)["items"]
        return str(next(row for row in rows if row["check"] == "history")["found"])

    monkeypatch.setenv("RACKWRIGHT_HISTORY_BUDGET", "2GB")
    assert history() == "0.00 GB of 2.0 GB (this shell's budget: no API answers)"
    (tmp_path / "server.json").write_text(json.dumps({"url": api.url, "ca_file": str(api.state / "tls/ca.pem")}))
    assert history() == "0.00 GB of 8.6 GB (the running API's budget)"
    (tmp_path / "server.json").write_text(json.dumps({"url": "https://127.0.0.1:1"}))
    assert "of 2.0 GB (this shell's budget" in history()


def test_policies_are_checked_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, other, bad = (tmp_path / name for name in ("good.yaml", "other.yaml", "bad.yaml"))
    good.write_text("kind: power_cap\nschema: 1\nspec:\n  limit_w: 1000\n")
    other.write_text("kind: power_cap\nschema: 1\nspec:\n  limit_w: 900\n")
    bad.write_text("kind: power_cap\nschema: 1\nselector:\n  racks: oops\nspec: {}\n")
    assert run(["policy", "validate", str(good), str(other)]) == 0
    assert run(["policy", "diff", str(good), str(other), "--json"]) == 0
    document = json.loads(capsys.readouterr().out.split("\n", 3)[3])
    assert document["items"] == [{"path": "limit_w", "before": 1000, "after": 900}]
    assert run(["policy", "diff", str(good), str(good)]) == 0
    assert capsys.readouterr().out.endswith("\nnothing changes\n")
    assert run(["policy", "validate", str(bad)]) == 2
    assert f"{bad}:4: selector.racks" in capsys.readouterr().err


def test_help_is_quick() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import datacenter_api.cli.main"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"fastapi", "nicegui", "numpy", "sqlalchemy", "nats", "uvicorn", "rich", "cryptography"}


def test_a_trays_power_is_shown_and_switched_only_when_confirmed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tray", "power", "u12"]) == 0
    shown = capsys.readouterr().out
    assert "u12" in shown
    assert "on, off, force-off, force-restart" in shown
    assert run(["tray", "power", "u12", "force-off"]) == 2
    told = capsys.readouterr().err
    assert "the host is on; asked for: force-off" in told
    assert "--yes" in told
    assert run(["tray", "power", "u12", "force-off", "--yes"]) == 0
    assert "accepted" in capsys.readouterr().out
    assert run(["tray", "power", "u12", "on"]) == 0
    assert run(["tray", "power", "u06", "on"]) == 3
    assert run(["tray", "boot", "u12"]) == 0
    assert run(["tray", "boot", "u12", "Pxe", "--for", "continuous"]) == 0


def test_subscriptions_are_listed_stopped_and_ended(api: RunningApi, capsys: pytest.CaptureFixture[str]) -> None:
    wish = {"Protocol": "Redfish", "Destination": "https://192.0.2.9/", "Severities": ["OK"], "Context": "seen"}
    link = connect(api.url, api.state)
    made = link.post("/redfish/v1/EventService/Subscriptions", wish)["Id"]
    assert run(["subscription", "suspend", made]) == 0
    assert capsys.readouterr().out == f"{made} is suspended\n"
    assert run(["subscription", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["items"]
    assert (row["id"], row["destination"], row["state"]) == (made, "https://192.0.2.9/", "Disabled")
    assert run(["subscription", "resume", made]) == run(["subscription", "delete", made]) == 0
    assert capsys.readouterr().out == f"{made} is delivered to again\n{made} is ended\n"
    assert run(["subscription", "list", "-o", "name"]) == 0
    assert capsys.readouterr().out.strip() == ""
    assert run(["subscription", "delete", made]) == 3
    assert f"{made}: check the URI\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("status", "bus connected"),
        ("rack list", "usable by design, nothing lost: k01 "),
        ("rack show", "usable by design, nothing lost: k01 "),
        ("alarm targets", "nobody outside is told of alarms"),
        ("building status", "k01: the site file agrees on no building"),
        ("building points", "k01: the site file agrees on no building"),
        ("audit verify", "nothing was written before"),
    ],
)
def test_an_answer_is_on_standard_output_and_a_document_stands_there_alone(
    verb: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for shape in ("table", "wide"):
        assert run([*verb.split(), "-o", shape]) == 0
        told = capsys.readouterr()
        assert (said in told.out, told.err) == (True, ""), shape
    for shape, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert run([*verb.split(), "-o", shape]) == 0
        assert read(capsys.readouterr().out)["schema_version"] == 1
    assert run([*verb.split(), "-o", "name"]) == 0
    assert said not in capsys.readouterr().out
