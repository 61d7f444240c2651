"""A report as PDF/A by typst, with the fonts that typst carries; needs the extra `report`.

The layout is `report.typ`; the report comes to it as data, so that no text of a device is ever read as markup.  The
same report gives the same bytes.
"""

from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from typing import Final

import msgspec

from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from rack_controller.prove.report.as_html import DECISIONS, MARKS
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
    data = msgspec.to_builtins(report) | {"decisions": DECISIONS, "font": FONT}
    data["marks"] = {str(outcome): f"{mark} {word}" for outcome, (mark, word) in MARKS.items()}
    for step in data["steps"]:
        for exhibit in step["exhibits"]:
            exhibit["svg"] = exhibit["svg"].replace('font-family="inherit"', f'font-family="{FONT}"', 1)
    made = typst.compile(
        _layout(),
        font_paths=typst.Fonts(include_system_fonts=False),
        ignore_system_fonts=True,
        sys_inputs={"report": msgspec.json.encode(data).decode()},
        timestamp=report.as_of_unix_s,
        pdf_standards=STANDARD,
    )
    assert isinstance(made, bytes)
    return made


@lru_cache(maxsize=1)
def _layout() -> bytes:
    return files(__package__).joinpath("report.typ").read_bytes()
