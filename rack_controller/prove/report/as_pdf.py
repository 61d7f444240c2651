"""A report as PDF/A by typst, with the fonts that typst carries; needs the extra `report`.

The layout is `report.typ`; the report comes to it as data, so that no text of a device is ever read as markup.  The
same report gives the same bytes.
"""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.prove.report.as_html import DECISIONS, MARKS, stamp_of
from rack_controller.prove.report.model import Report

FONT = "Libertinus Serif"
STANDARD: Final = "a-2b"


def can_print() -> bool:
    """Return whether typst is installed here."""
    return find_spec("typst") is not None


def as_pdf(report: Report) -> bytes:
    """Return the document.  Raises EnvironmentUnfit where typst is not installed."""
    try:
        import typst
    except ImportError as err:
        raise EnvironmentUnfit(
            "PDF needs typst, which is not installed where the report is made",
            advice="pip install 'rackwright[report]' there, or take the HTML (report.html, --form html)",
        ) from err
    with TemporaryDirectory(prefix="rackwright-") as folder:
        return _made(report, Path(folder), typst)


def _made(report: Report, folder: Path, typst: Any) -> bytes:
    """Compile in a folder of its own: photos are files, since data that comes to a layout is text."""
    plain = msgspec.structs.replace(report, photos=[])
    data = msgspec.to_builtins(plain) | {"decisions": DECISIONS, "font": FONT}
    data["photos"] = list(_laid_out(report, folder, typst, data["photos_left_out"]))
    data["stamp"] = stamp_of(report)
    data["marks"] = {str(outcome): f"{mark} {word}" for outcome, (mark, word) in MARKS.items()}
    for step in data["steps"]:
        for exhibit in step["exhibits"]:
            exhibit["svg"] = exhibit["svg"].replace('font-family="inherit"', f'font-family="{FONT}"', 1)
    layout = folder / "report.typ"
    layout.write_bytes(_layout())
    made = typst.compile(
        layout,
        root=folder,
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
        sys_inputs={"report": msgspec.json.encode(data).decode()},
        timestamp=report.as_of_unix_s,
        pdf_standards=STANDARD,
    )
    assert isinstance(made, bytes)
    return made


def _laid_out(report: Report, folder: Path, typst: Any, left_out: list[str]) -> Iterator[dict[str, str]]:
    """Write photos beside the layout and yield what they are; one that cannot be decoded is named instead."""
    for number, photo in enumerate(report.photos):
        file = folder / f"photo{number}{Path(photo.name).suffix}"
        file.write_bytes(photo.content)
        try:
            typst.compile(f'#image("{file.name}")'.encode(), root=folder, ignore_system_fonts=True, format="svg")
        except (typst.TypstError, RuntimeError):
            left_out.append(f"{photo.name}: it cannot be decoded")
            continue
        yield {"file": file.name, "caption": photo.caption}


@lru_cache(maxsize=1)
def _layout() -> bytes:
    return files(__package__).joinpath("report.typ").read_bytes()
