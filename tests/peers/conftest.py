"""A rack of ours for other makers' clients: a compute tray, a coolant unit and a power shelf; the rest is away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.api import PASSWORD
from support.whole_rack import WholeRack, whole_rack

from datacenter_api.auth.accounts import ensure_admin
from datacenter_api.redfish.older import LINKS_VARIABLE


@pytest.fixture
async def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WholeRack]:
    monkeypatch.setenv("RACKWRIGHT_ADMIN_PASSWORD", PASSWORD)
    monkeypatch.setenv(LINKS_VARIABLE, "1")  # Ansible and sushy find chassis power and temperatures by their links
    ensure_admin(tmp_path)
    async with whole_rack(tmp_path) as made:
        yield made
