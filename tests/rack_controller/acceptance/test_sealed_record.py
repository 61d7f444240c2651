"""A list tells a run whose record is not the one that was sealed, as soon as a file of the two was written again."""

import base64
import errno
import hashlib
import os
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.accepted import short_run

from datacenter_api.acceptance.desk import AcceptanceDesk
from rack_controller.acceptance.begin import Wish, begin
from rack_controller.acceptance.run import EVIDENCE, RECORD, RunFolder
from rack_controller.acceptance.sealed_record import KnownKeys, SealLook, look_at_record
from rack_controller.prove.keys import Signer
from rack_controller.prove.run_files import look_at_run
from rack_controller.prove.seal import SUFFIX, seal
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys


def look(folder: RunFolder) -> SealLook:
    return look_at_record(folder, KnownKeys.at(folder.path.parents[1]))


def not_as_sealed(folder: RunFolder) -> str:
    found = look(folder)
    assert not found.unproven
    return found.altered


def resealed(folder: RunFolder, about: dict[str, object], key: Ed25519PrivateKey) -> None:
    evidence = (folder.path / EVIDENCE).read_bytes()
    lines = evidence.splitlines(keepends=True)
    sealed = seal(EVIDENCE, lines, [str(n) for n in range(len(lines))], Signer(key), about)
    (folder.path / (EVIDENCE + SUFFIX)).write_bytes(sealed)


@pytest.fixture
def ended(tmp_path: Path) -> RunFolder:
    return short_run(tmp_path)


def test_what_was_sealed_fits_and_what_is_not_sealed_yet_is_no_fault(ended: RunFolder, tmp_path: Path) -> None:
    assert not_as_sealed(ended) == ""
    assert not_as_sealed(begin(Wish("gb200-nvl72", "L10", 3), tmp_path, "test", "ada")) == ""


def test_an_altered_record_is_told_although_size_and_time_are_as_they_were(ended: RunFolder) -> None:
    path = ended.path / RECORD
    before, good = path.stat(), path.read_bytes()
    assert not_as_sealed(ended) == ""
    path.write_bytes(good.replace(b'"fail"', b'"pass"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert not_as_sealed(ended) == "run.json is not what was sealed"
    path.write_bytes(good)
    assert not_as_sealed(ended) == ""


def test_a_seal_that_signs_something_else_or_is_none_is_told(ended: RunFolder) -> None:
    path = ended.path / (EVIDENCE + SUFFIX)
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"sig":"', b'"sig":"AAAA', 1))
    assert "its signature does not fit" in not_as_sealed(ended)
    path.write_bytes(b"{}")
    assert "it is no seal" in not_as_sealed(ended)
    path.write_bytes(good)
    assert not_as_sealed(ended) == ""


@pytest.mark.parametrize(
    "about", [{"files_sha256": 5}, {"files_sha256": ["run.json"]}, {"files_sha256": {"run.json": 5}}, {"raw_sha256": 5}]
)
def test_a_seal_by_whomever_that_says_nonsense_is_told_and_nothing_breaks(
    ended: RunFolder, about: dict[str, object]
) -> None:
    resealed(ended, about, Ed25519PrivateKey.generate())
    assert "it is no seal of a run" in not_as_sealed(ended)
    assert any("it is no seal of a run" in f for f in look_at_run(ended.files(), []).faults)
    (row,) = AcceptanceDesk(ended.path.parents[1]).listed()
    assert "it is no seal of a run" in row.altered


@pytest.mark.parametrize(
    "cut",
    [["predicate", "about"], ["predicate", "signer"], ["predicate", "entries"], ["predicate"], ["subject"]],
    ids=str,
)
@pytest.mark.parametrize("put", [None, 5, [], "text"], ids=str)
def test_a_seal_that_lacks_what_every_seal_has_is_none(ended: RunFolder, cut: list[str], put: object) -> None:
    path = ended.path / (EVIDENCE + SUFFIX)
    envelope = orjson.loads(path.read_bytes())
    statement = orjson.loads(base64.b64decode(envelope["payload"]))
    *way, last = cut
    inner = statement
    for name in way:
        inner = inner[name]
    del inner[last]
    if put is not None:
        inner[last] = put
    envelope["payload"] = base64.b64encode(orjson.dumps(statement)).decode()
    path.write_bytes(orjson.dumps(envelope))
    assert "it is no seal" in not_as_sealed(ended)
    assert any("it is no seal" in f for f in look_at_run(ended.files(), []).faults)


def test_what_another_key_sealed_anew_is_not_known_to_be_as_it_was_sealed(ended: RunFolder) -> None:
    path = ended.path / RECORD
    path.write_bytes(path.read_bytes().replace(b'"fail"', b'"pass"'))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    resealed(ended, {"files_sha256": {RECORD: digest}}, Ed25519PrivateKey.generate())
    found = look(ended)
    assert found.altered == ""
    assert found.unproven.endswith("a key that nobody here was told of")
    path.write_bytes(path.read_bytes() + b" ")
    assert look(ended) == SealLook(altered="run.json is not what was sealed")


def test_keys_of_before_are_known_and_keys_that_cannot_be_read_are_a_reason(ended: RunFolder) -> None:
    keys = SigningKeys(ended.path.parents[1] / KEYS)
    keys.rotate(1)
    assert look(ended) == SealLook()
    (keys.folder / "0001.key").write_text("no key")
    assert look(ended).unproven.startswith("the signing key 0001.key cannot be read")


def test_files_that_cannot_be_read_now_are_not_said_to_be_altered(
    ended: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_path: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refused)
        found = look_at_record(ended, KnownKeys(()))
    assert found == SealLook(unproven="it cannot be looked at: Too many open files")
    assert look(ended) == SealLook()


def test_files_are_read_once_until_they_are_written_again(ended: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = KnownKeys.at(ended.path.parents[1])
    assert look_at_record(ended, keys) == SealLook()

    def read_again(_path: Path) -> bytes:
        raise AssertionError("it was read again")

    monkeypatch.setattr(Path, "read_bytes", read_again)
    assert look_at_record(ended, keys) == SealLook()
