"""A played rack, a record that heard it, and an API whose fleet is filled with it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.api import PASSWORD, Api, fill
from support.play import PlayedRack, played_rack

from datacenter_api.auth.accounts import ensure_admin
from datacenter_api.fleet.record import RackRecord
from datacenter_api.services import Services
from firmware_bridge.vocabulary.units import Seconds


@pytest.fixture
def rack() -> PlayedRack:
    return played_rack()


@pytest.fixture
def record(rack: PlayedRack) -> RackRecord:
    record = RackRecord(rack.name)
    fill(record, rack, Seconds(100.0))
    return record


@pytest.fixture(scope="session")
def first_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with its first admin, made once: a password's hash and a store cost more than most tests."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
        ensure_admin(folder)
    return folder


@pytest.fixture
def state(tmp_path: Path, first_state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
    shutil.copytree(first_state, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def api(state: Path, rack: PlayedRack) -> Iterator[Api]:
    made = Api(state)
    fill(made.services.fleet.record(rack.name), rack, Seconds(time.monotonic()))
    yield made
    made.services.store.close()


@pytest.fixture
def services(api: Api) -> Services:
    return api.services
