"""Headers of PLDM packages: golden ones of another maker, ours of each revision, and whatever is wrong with one."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.packages import BMC, CPU, package

from firmware_bridge.wire.pldm.package import Component, read_package

DATA = Path(__file__).parents[5] / "shared" / "data" / "pldm"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no golden packages here")


@needs_data
def test_golden_packages_read_as_an_independent_parser_reads_them() -> None:
    packages = json.loads((DATA / "golden_packages.json").read_text())["packages"]
    assert packages
    for golden in packages:
        image, wanted = bytes.fromhex(golden["hex"]), golden["expected"]
        found = read_package(image)
        assert (found.revision, found.version, found.size) == (wanted["rev"], wanted["pkg_ver"], len(image))
        assert [(c.identifier, c.version, c.size) for c in found.components] == [
            (c["identifier"], c["version"], c["size"]) for c in wanted["components"]
        ]


@needs_data
def test_header_vectors_pass_or_fail_as_they_must() -> None:
    for vector in json.loads((DATA / "header_vectors.json").read_text())["vectors"]:
        image = bytes.fromhex(vector["header_hex"]).ljust(vector["pkg_size"] or 0, b"\0")
        if vector["crc_ok"]:
            assert read_package(image).components
        else:
            with pytest.raises(ValueError, match=r"bytes|identifier|header|checksum|PLDM"):
                read_package(image)


@pytest.mark.parametrize("revision", [1, 2, 3, 4])
def test_every_revision_of_the_format(revision: int) -> None:
    found = read_package(package((BMC, "25.10-1"), (CPU, "02.04.00"), revision=revision, version="all-25.10"))
    assert found.components == (Component(BMC, "25.10-1", 6), Component(CPU, "02.04.00", 6))
    assert (found.revision, found.version, found.components[0].software_id) == (revision, "all-25.10", "0x0010")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda p: p[:40], "40 bytes are too few"),
        (lambda p: b"\x7fELF" + p[4:], "does not begin as a PLDM package"),
        (lambda p: p[:16] + b"\x02" + p[17:], "revision 1, its header says 2"),
        (lambda p: p[:-3], "the file has"),
        (lambda p: p[:60] + b"\xff" + p[61:], "the checksum of its header is wrong"),
        (lambda p: p[:17] + b"\xff\xff" + p[19:], "header has 65535 bytes"),
    ],
)
def test_what_is_wrong_with_it_is_said(spoil: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_package(spoil(package((BMC, "25.10-1"))))  # type: ignore[operator]


def test_images_that_changed_on_the_way_are_noticed_where_the_format_can_tell() -> None:
    whole = package((BMC, "25.10-1"), revision=4)
    with pytest.raises(ValueError, match="checksum of its images"):
        read_package(whole[:-1] + b"?")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 200), st.binary(max_size=8))
def test_no_bytes_do_more_than_be_refused(noise: bytes, at: int, patch: bytes) -> None:
    whole = package((BMC, "25.10-1"), revision=3)
    for image in (noise, whole[:at] + patch + whole[at + len(patch) :], whole[:at]):
        with contextlib.suppress(ValueError):
            read_package(image)
