"""Signing keys in the state directory: made once, for the owner alone, changed by rotation, never lost silently."""

import stat
from pathlib import Path

import pytest

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.prove.keys import fingerprint, public_of, vouched
from rack_controller.signing_keys import SigningKeys


def test_a_key_is_made_at_the_first_need_and_stays(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "signing")
    assert keys.names() == []
    first = keys.signer()
    assert SigningKeys(tmp_path / "signing").signer().public == first.public
    assert keys.names() == [fingerprint(first.public)]
    assert public_of(keys.public_pem()) == first.public
    (file,) = (tmp_path / "signing").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_each_rotation_is_vouched_for_by_the_key_before(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "signing")
    first, second, third = keys.signer(), keys.rotate(1), keys.rotate(2)
    assert keys.signer().public == third.public
    assert len({k.public for k in (first, second, third)}) == 3
    for key in (first, second, third):
        assert vouched(fingerprint(key.public), keys.signer().chain, third.public)
    assert keys.names()[-1] == fingerprint(third.public)


def test_a_rotation_that_was_cut_off_leaves_the_key_of_before(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "signing")
    first = keys.signer()
    keys.rotate(1)
    (tmp_path / "signing" / "0002.key").unlink()
    assert keys.signer().public == first.public
    assert keys.signer().chain == ()
    assert vouched(fingerprint(first.public), keys.rotate(2).chain, keys.signer().public)


def test_a_broken_key_is_told_and_not_replaced(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path / "signing")
    keys.signer()
    (tmp_path / "signing" / "0001.key").write_text("x")
    with pytest.raises(EnvironmentUnfit, match=r"0001\.key cannot be read"):
        keys.signer()
