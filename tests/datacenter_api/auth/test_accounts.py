"""Accounts, passwords, sessions and the brake on guessing."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datacenter_api.auth import sessions as sessions_module
from datacenter_api.auth.accounts import Accounts, ensure_admin
from datacenter_api.auth.limits import FailureLimit
from datacenter_api.auth.passwords import Verifier, hash_password
from datacenter_api.auth.sessions import ABSOLUTE_NS, IDLE_NS, MOST_PER_USER, Sessions
from datacenter_api.auth.store import Store
from firmware_bridge.vocabulary.errors import CommandRefused, ConfigurationError, EnvironmentUnfit, PreconditionFailed
from firmware_bridge.vocabulary.units import Seconds, UnixNanoseconds
from rack_controller.model.roles import Role

LONG = "correct horse battery"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_the_first_admins_password_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RACKWRIGHT_ADMIN_PASSWORD", raising=False)
    user, password = ensure_admin(tmp_path)
    assert user == "admin"
    assert password is not None
    assert len(password) >= 20
    assert ensure_admin(tmp_path) == ("admin", None)
    assert password.encode() not in b"".join(f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())


def test_a_given_first_password_is_used_and_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RACKWRIGHT_ADMIN_PASSWORD", LONG)
    assert ensure_admin(tmp_path) == ("admin", None)
    stored = Accounts(Store(tmp_path)).password_hash("admin")
    assert asyncio.run(Verifier().verify(stored, "admin", LONG))


def test_accounts_survive_a_restart(tmp_path: Path) -> None:
    Accounts(Store(tmp_path)).create("ann", LONG, Role.OPERATOR)
    again = Accounts(Store(tmp_path))
    assert again.get("ann").role is Role.OPERATOR
    again.change("ann", enabled=False)
    assert Accounts(Store(tmp_path)).password_hash("ann") is None


def test_the_last_admin_stays(store: Store) -> None:
    accounts = Accounts(store)
    accounts.create("ann", LONG, Role.ADMIN)
    for change in ({"role": Role.VIEWER}, {"enabled": False}):
        with pytest.raises(PreconditionFailed):
            accounts.change("ann", **change)  # type: ignore[arg-type]
    with pytest.raises(PreconditionFailed):
        accounts.remove("ann")
    accounts.create("bob", LONG, Role.ADMIN)
    accounts.remove("ann")


def test_bad_names_and_passwords_are_refused(store: Store) -> None:
    accounts = Accounts(store)
    for user in ("", "Ann", "a b", "1ann", "x" * 33, "ann\n"):
        with pytest.raises(ConfigurationError):
            accounts.create(user, LONG, Role.VIEWER)
    with pytest.raises(ConfigurationError):
        accounts.create("ann", "short", Role.VIEWER)
    accounts.create("ann", LONG, Role.VIEWER)
    with pytest.raises(CommandRefused):
        accounts.create("ann", LONG, Role.VIEWER)


async def test_a_verified_password_is_remembered_only_for_its_hash() -> None:
    verifier, stored = Verifier(), hash_password(LONG)
    assert not verifier.remembered(stored, "ann", LONG)
    assert await verifier.verify(stored, "ann", LONG)
    assert verifier.remembered(stored, "ann", LONG)
    assert not verifier.remembered(hash_password(LONG), "ann", LONG), "a changed password is forgotten at once"
    assert not await verifier.verify(stored, "ann", LONG + "x")
    assert not await verifier.verify(None, "ann", LONG)


def test_only_the_hash_of_a_token_is_kept(tmp_path: Path) -> None:
    token, session = Sessions(Store(tmp_path)).open("ann", "127.0.0.1")
    assert token.encode() not in b"".join(f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())
    again = Sessions(Store(tmp_path)).use(token)
    assert again is not None
    assert again.id == session.id


@pytest.mark.parametrize("pause", [IDLE_NS + 1, ABSOLUTE_NS + 1])
def test_a_session_ends_by_idleness_and_by_age(store: Store, monkeypatch: pytest.MonkeyPatch, pause: int) -> None:
    sessions = Sessions(store)
    token, session = sessions.open("ann", "127.0.0.1")
    now = session.created_ns
    if pause > ABSOLUTE_NS:  # used all the time, and still over in the end
        for at in range(now, now + ABSOLUTE_NS, IDLE_NS - 1):
            monkeypatch.setattr(sessions_module, "_now", lambda at=at: UnixNanoseconds(at))
            assert sessions.use(token) is not None
    monkeypatch.setattr(sessions_module, "_now", lambda: UnixNanoseconds(now + pause))
    assert sessions.use(token) is None
    assert sessions.all() == []


def test_over_the_cap_the_oldest_session_ends(store: Store) -> None:
    sessions = Sessions(store)
    tokens = [sessions.open("ann", "127.0.0.1")[0] for _ in range(MOST_PER_USER + 2)]
    assert len(sessions.all("ann")) == MOST_PER_USER
    assert sessions.use(tokens[0]) is None
    assert sessions.use(tokens[-1]) is not None
    sessions.close_all("ann")
    assert sessions.use(tokens[-1]) is None


@settings(deadline=None)
@given(st.lists(st.floats(0, 2_000), min_size=1, max_size=60))
def test_the_brake_lets_in_only_when_the_window_has_room(times: list[float]) -> None:
    limit = FailureLimit(5, Seconds(300.0))
    past: list[float] = []
    for now in sorted(times):
        wait = limit.wait("ann", Seconds(now))
        recent = [t for t in past if now - t < 300.0]
        assert (wait > 0) == (len(recent) >= 5)
        if not wait:
            limit.failed("ann", Seconds(now))
            past.append(now)


def test_a_state_directory_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "accounts.db").mkdir()
    with pytest.raises(EnvironmentUnfit):
        Store(tmp_path)


def test_the_audit_says_who_did_what(store: Store) -> None:
    store.audit("ann", "127.0.0.1", "command locate", "u12", "accepted", "x" * 5_000)
    line, _begins = store.audited(10)
    assert (line["actor"], line["what"], line["target"], line["outcome"]) == (
        "ann",
        "command locate",
        "u12",
        "accepted",
    )
