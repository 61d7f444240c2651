"""Writes the bus's configuration: accounts apart, one nkey per process, each with only the subjects it needs."""

import datetime
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import bcrypt
import nkeys

from datacenter_api.cli.state_directory import free_port
from datacenter_api.listen import Listen
from firmware_bridge.vocabulary.errors import ConfigurationError, EnvironmentUnfit
from rack_controller.model.subjects import BUS_USERS, BusUser, agent_user, token

LOOPBACK = "127.0.0.1"
ANYWHERE = ("0.0.0.0", "::")
_SEED_BYTES = 32
CHEAP_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class BusFiles:
    """What `write_bus_config` leaves behind."""

    config: Path
    url: str
    host: str
    port: int


def write_bus_config(
    folder: Path,
    site: str,
    racks: Iterable[str] = (),
    door: Listen | None = None,
    building: Listen | None = None,
) -> BusFiles:
    """Write configuration, seeds (mode 600) and url.  Ports and seeds of an earlier start are kept.

    `racks` are racks of real hosts: the agents of each get a key of their own, good for that rack only, and there is
    none that may speak for all; without any, the emulated hosts have one together.  `door` is where agents on other
    machines reach the bus, `building` where the building's system does; either has a certificate then, signed by an
    authority in `<folder>/tls`.  Where MQTT is taken stands in `<folder>/mqtt`.

    Raises EnvironmentUnfit when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ports = _ports(folder / "ports.json")
        users = bus_users(racks)
        publics = {user.name: _seed(folder / f"{user.name}.nk") for user in users if user.account != "BMS"}
        passwords = {user.name: _password(folder / f"{user.name}.password") for user in users if user.account == "BMS"}
        config = folder / "nats.conf"
        if doors := [one.host for one in (door, building) if one is not None]:
            # Certificates need a large library; `--help` must stay quick.
            from datacenter_api.auth.authority import ensure_certificates

            ensure_certificates(folder / "tls", doors, datetime.datetime.now(datetime.UTC))
        if door is not None:
            ports = {**ports, "client": door.port or ports["client"]}
        mqtt = Listen(LOOPBACK, ports["mqtt"])
        if building is not None:
            mqtt = Listen(building.host, building.port or ports["mqtt"])
        host = door.host if door is not None else LOOPBACK
        content = render(
            folder, site, ports, publics, passwords, users, host if door is not None else None, building and mqtt
        )
        scheme, reached = ("mqtts" if building else "mqtt"), LOOPBACK if mqtt.host in ANYWHERE else mqtt.host
        (folder / "mqtt").write_text(f"{scheme}://{Listen(reached, mqtt.port)}\n")
        _write_private(config, content)
        near = LOOPBACK if host in ANYWHERE else host
        url = f"nats://{Listen(near, ports['client'])}"
        (folder / "url").write_text(url + "\n")
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {folder}: {err.strerror}", advice="free space, fix permissions") from err
    return BusFiles(config, url, host, ports["client"])


def bus_users(racks: Iterable[str] = ()) -> tuple[BusUser, ...]:
    """Return who may log in: the processes, and the agents of each of `racks` in place of those of all.

    Raises ConfigurationError for a rack whose name cannot stand in a subject.
    """
    try:
        agents = tuple(agent_user(rack) for rack in racks)
    except ValueError as err:
        raise ConfigurationError(f"a rack of the site: {err}", advice="rename it in the site file") from err
    return (*(u for u in BUS_USERS if not (agents and u.name == "agent")), *agents)


def render(
    folder: Path,
    site: str,
    ports: dict[str, int],
    publics: dict[str, str],
    passwords: dict[str, str],
    users: tuple[BusUser, ...] = BUS_USERS,
    door: str | None = None,
    building: Listen | None = None,
) -> str:
    """Return the server's configuration.  MQTT can log into BMS only, and nothing there can name a rack's subject.

    Of a password only a hash stands in it.

    With a `door` (the host to listen at) the bus offers TLS.  Processes of this machine go on without it; an agent
    refuses to: see `rack_controller/agent/bus.py`.  With a `building` MQTT is taken there, and only with TLS.
    """
    rack_users = [_nkey_user(user, site, publics[user.name]) for user in users if user.account == "RACK"]
    bms_users = [_mqtt_user(user, passwords[user.name]) for user in users if user.account == "BMS"]
    return f"""# Written at every start; changes here are lost.
server_name: "rackwright-{token(site)}"
listen: {json.dumps(str(Listen(door or LOOPBACK, ports["client"])))}
{_tls(folder) if door else ""}max_payload: 8MB
jetstream {{ store_dir: {json.dumps(str(folder / "store"))}, max_memory_store: 64MB, max_file_store: 2GB }}
mqtt {{ listen: {json.dumps(str(building or Listen(LOOPBACK, ports["mqtt"])))}{_mqtt_tls(folder, building)} }}
system_account: SYS
accounts {{
  SYS {{}}
  RACK {{ jetstream: enabled, users: [
{_lines(rack_users)}
  ] }}
  BMS {{ jetstream: enabled, users: [
{_lines(bms_users)}
  ] }}
}}
"""


def _tls(folder: Path) -> str:
    certificate, key = (json.dumps(str(folder / "tls" / name)) for name in ("server.pem", "server.key"))
    return f"tls {{ cert_file: {certificate}, key_file: {key}, timeout: 5 }}\nallow_non_tls: true\n"


def _mqtt_tls(folder: Path, building: Listen | None) -> str:
    return "" if building is None else f"\n  {_tls(folder).partition(chr(10))[0]}\n"


def _nkey_user(user: BusUser, site: str, public: str) -> str:
    return f"    {{ nkey: {public}, permissions: {_permissions(user, site)} }}"


def _mqtt_user(user: BusUser, password: str) -> str:
    kinds = json.dumps(["MQTT"])
    login = f"user: {json.dumps(user.name)}, password: {json.dumps(_hashed(password))}"
    return f"    {{ {login}, allowed_connection_types: {kinds}, permissions: {_permissions(user, '')} }}"


def _hashed(password: str) -> str:
    """Return the hash that the server compares a login with.  Cheap is safe: nobody guesses 192 random bits."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(CHEAP_ROUNDS, b"2a")).decode()


def _permissions(user: BusUser, site: str) -> str:
    publish = json.dumps([subject.replace("{site}", site) for subject in user.publish])
    subscribe = json.dumps([subject.replace("{site}", site) for subject in user.subscribe])
    denied = f", deny: {json.dumps(list(user.deny))}" if user.deny else ""
    return f"{{ publish: {{ allow: {publish}{denied} }}, subscribe: {{ allow: {subscribe} }}, allow_responses: true }}"


def _lines(entries: Iterable[str]) -> str:
    return "\n".join(entries)


def _ports(file: Path) -> dict[str, int]:
    if file.exists():
        kept: dict[str, int] = json.loads(file.read_text())
        return kept
    ports = {"client": free_port(), "mqtt": free_port()}
    file.write_text(json.dumps(ports))
    return ports


def _seed(file: Path) -> str:
    if not file.exists():
        seed = nkeys.encode_seed(secrets.token_bytes(_SEED_BYTES), nkeys.PREFIX_BYTE_USER)
        _write_private(file, seed.decode())
    return str(nkeys.from_seed(file.read_bytes().strip()).public_key.decode())


def _password(file: Path) -> str:
    if not file.exists():
        _write_private(file, secrets.token_urlsafe(24))
    return file.read_text()


def _write_private(file: Path, content: str) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.replace(file)
