"""A dossier as files: whatever is altered, put in or taken out is named, in the list and beside it."""

import io
import zipfile

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rack_controller.prove.cyclonedx import Document
from rack_controller.prove.dossier import LIST, entries_of, is_dossier, look_into
from rack_controller.prove.keys import Signer, fingerprint
from rack_controller.prove.seal import SUFFIX, seal
from rack_controller.prove.zipped import around, unzipped, zipped
from rack_controller.signing_keys import Ed25519PrivateKey

KEY = Signer(Ed25519PrivateKey.generate())
NAME = f"pilot{LIST}"
BESIDE = {"index.html": b"<p>", "runs/k01/run.json": b"{}", "runs/k01/x.jsonl": b"a\n", "passports/k01.csv": b"1\n"}


def sealed(name: str, entries: list[tuple[str, object]]) -> dict[str, bytes]:
    lines = [msgspec.json.encode({"entry": what, "content": content}) + b"\n" for what, content in entries]
    document = Document(lines, [what for what, _ in entries])
    return {name: document.content, name + SUFFIX: seal(name, lines, document.names, KEY, {})}


def dossier() -> dict[str, bytes]:
    beside = dict(BESIDE)
    beside["runs/k01/x.jsonl.dsse"] = seal("x.jsonl", [b"a\n"], ["one"], KEY, {})
    return {**beside, **sealed(NAME, [("offer", {"name": "pilot"}), *entries_of(beside)])}


def test_a_dossier_that_nobody_touched_holds_by_a_key_that_is_known() -> None:
    root, files = unzipped(zipped("pilot", dossier()))
    assert (root, is_dossier(files)) == ("pilot", True)
    found = look_into(files, [fingerprint(KEY.public)])
    assert found.faults == []
    assert found.trusted
    assert not look_into(dossier(), []).trusted


@given(st.sampled_from(sorted(dossier())), st.integers(0, 10_000), st.integers(1, 255))
def test_a_byte_that_is_altered_anywhere_is_found(path: str, at: int, by: int) -> None:
    files = dossier()
    content = bytearray(files[path])
    content[at % len(content)] ^= by
    files[path] = bytes(content)
    assert look_into(files, []).faults


@pytest.mark.parametrize("path", sorted(BESIDE))
def test_a_file_that_was_taken_out_put_in_or_altered_is_named(path: str) -> None:
    files = dossier()
    content = files.pop(path)
    assert look_into(files, []).faults[0] == f"cut: {path}: it is not there any more"
    assert (
        f"altered: {path}: it is not the file that was signed" in look_into({**files, path: content + b"!"}, []).faults
    )
    more = {**files, path: content, "runs/k99/run.json": b"{}"}
    assert look_into(more, []).faults == ["added: runs/k99/run.json: nobody signed it"]


def test_what_is_no_dossier_is_refused() -> None:
    for content in (b"", b"PK\3\4"):
        with pytest.raises(ValueError, match="no zip"):
            unzipped(content)
    assert not is_dossier(unzipped(zipped("pilot", {"a": b""}))[1])
    two = {**dossier(), f"other{LIST}": b""}
    assert "2 lists" in look_into(two, []).faults[0]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_stands_in_it_twice_is_refused() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for _ in range(2):
            archive.writestr(f"pilot/{NAME}", b"")
    with pytest.raises(ValueError, match="twice"):
        unzipped(made.getvalue())


def test_what_is_changed_around_the_files_of_a_zip_is_told_with_its_byte() -> None:
    files = dossier()
    content = zipped("pilot", files)
    assert content == zipped("pilot", dict(reversed(files.items())))
    assert around(content, "pilot", files) == ""
    assert around(content + b"\0", "pilot", files).startswith(f"byte {len(content)}, ")
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, kept in sorted(files.items()):
            archive.writestr(f"pilot/{path}", kept)
    assert unzipped(made.getvalue())[1] == files
    assert "packed anew" in around(made.getvalue(), "pilot", files)


def test_a_zip_may_be_as_large_as_its_files_and_unpacks_to_no_more_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rack_controller.prove.zipped.MOST_BYTES", 1000)
    long = {"raw.npz": bytes(5000)}
    assert unzipped(zipped("k01", long))[1] == long
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("k01/raw.npz", long["raw.npz"])
    with pytest.raises(ValueError, match="unpacks to more"):
        unzipped(made.getvalue())
