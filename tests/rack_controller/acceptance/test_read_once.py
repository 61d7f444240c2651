"""Files are read once until they are written again, however many folders there are, and gone ones are forgotten."""

import shutil
from pathlib import Path

from rack_controller.acceptance.read_once import ReadOnce


def test_a_scan_of_however_many_folders_reads_each_once_and_forgets_what_is_gone(tmp_path: Path) -> None:
    read: list[str] = []

    def told(folder: Path) -> str:
        read.append(folder.name)
        return (folder / "a").read_text()

    folders = [tmp_path / f"{n}" for n in range(300)]
    for folder in folders:
        folder.mkdir()
        (folder / "a").write_text(folder.name)
    once = ReadOnce(["a"], told)
    for _ in range(2):
        assert [once.of(f) for f in folders] == [f.name for f in folders]
    assert len(read) == 300
    (folders[7] / "a").write_text("again")
    assert once.of(folders[7]) == "again"
    for folder in folders:
        shutil.rmtree(folder)
    for n in range(300):
        again = tmp_path / f"new{n}"
        again.mkdir()
        (again / "a").write_text("x")
        once.of(again)
    assert len(once) < 600
