"""Firmware images on disk: checked, named by their bytes, few at a time, and never another than was handed in."""

from pathlib import Path

import pytest
from support.packages import BMC, package

from firmware_bridge.vocabulary.errors import ArgumentsInvalid, EnvironmentUnfit, TargetUnknown
from rack_controller.images import KEPT, Images


def test_an_image_is_kept_found_and_read_as_it_was_handed_in(tmp_path: Path) -> None:
    images, data = Images(tmp_path / "images"), package((BMC, "25.10"), version="all-25.10")
    assert images.listed() == []
    kept = images.keep(data, "bmc\x1b.fwpkg", 5)
    assert (kept.size, kept.version, kept.name) == (len(data), "all-25.10", "bmc .fwpkg")
    assert [(c.software_id, c.version) for c in kept.components] == [("0x0010", "25.10")]
    assert images.find(kept.image[:8]) == images.find(kept.image) == kept
    assert images.read(kept.image) == data
    assert (images.folder.stat().st_mode & 0o777) == 0o700


def test_what_is_no_image_is_not_kept(tmp_path: Path) -> None:
    images = Images(tmp_path / "images")
    with pytest.raises(ArgumentsInvalid, match="no firmware image: 3 bytes are too few"):
        images.keep(b"abc", "x", 1)
    assert images.listed() == []
    for name in ("../../etc/passwd", "abc", "f" * 64):
        with pytest.raises(TargetUnknown):
            images.read(name)
    with pytest.raises(TargetUnknown, match="no image"):
        images.find("abcdefgh")


def test_an_image_that_changed_on_the_disk_is_not_pushed(tmp_path: Path) -> None:
    images = Images(tmp_path / "images")
    kept = images.keep(package((BMC, "25.10")), "x", 1)
    (images.folder / kept.image).write_bytes(b"something else")
    with pytest.raises(EnvironmentUnfit, match="not what was handed in"):
        images.read(kept.image)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    images = Images(tmp_path / "images")
    kept = [images.keep(package((BMC, f"25.{n}")), f"{n}", n) for n in range(KEPT + 2)]
    assert [i.name for i in images.listed()] == [str(n) for n in range(KEPT + 1, 1, -1)]
    assert len(list(images.folder.iterdir())) == 2 * KEPT
    with pytest.raises(TargetUnknown, match="not kept any more"):
        images.read(kept[0].image)
