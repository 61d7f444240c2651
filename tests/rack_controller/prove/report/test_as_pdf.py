"""The report on paper, looked at as pictures: nothing blank, nothing beyond the margins, all that people sign on it."""

import hashlib
import re
import struct
import zlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from support.accepted import BEGAN, NS, RACK, drawing, finding, measured, record, source, step

from rack_controller.acceptance.progress import Answer
from rack_controller.prove.report.as_pdf import as_pdf
from rack_controller.prove.report.make import report_of
from rack_controller.prove.report.model import Exhibit, Waiver
from rack_controller.prove.report.svg import draw

pytest.importorskip("typst", reason="needs the extra report")
pdfium = pytest.importorskip("pypdfium2", reason="needs pypdfium2 to look at pages")

UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\ufffe\x02]")
"""Soft hyphens, zero-width characters, and what pypdfium2 makes of a dash at the end of a line."""
MARGIN_MM = 17.0
DOTS_PER_MM = 144.0 / 25.4
WAIVER = Waiver(BEGAN + 9 * NS, "ada", "operator", "gpu_stress", "tail", "", "They are replaced before delivery.")


def pictures(content: bytes) -> list[npt.NDArray[np.float64]]:
    """Return every page as grey, 0 is ink."""
    document = pdfium.PdfDocument(content)
    return [page.render(scale=2.0, grayscale=True).to_numpy().squeeze().astype(float) for page in document]


def words(content: bytes) -> str:
    text = " ".join(page.get_textpage().get_text_bounded() for page in pdfium.PdfDocument(content))
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def paper() -> bytes:
    exhibits = {"gpu_stress": [Exhibit("GPUs are cool. Out of bounds: u13/gpu1.", draw(drawing()))]}
    hashes = [(f"raw-step_number_{n}-1.npz", "ab" * 32) for n in range(20)]
    return as_pdf(report_of(source(76, waivers=[WAIVER], exhibits=exhibits, hashes=hashes)))


def test_every_page_has_ink_and_none_beyond_its_margins(paper: bytes) -> None:
    pages = pictures(paper)
    assert 4 <= len(pages) <= 10
    edge = int(MARGIN_MM * DOTS_PER_MM)
    for number, page in enumerate(pages, 1):
        assert (page < 128).mean() > 0.002, f"page {number} is blank"
        beyond = np.concatenate([page[:, :edge].ravel(), page[:, -edge:].ravel(), page[: edge // 2].ravel()])
        assert (beyond > 250).all(), f"page {number} has ink beyond its margins"


def test_what_people_sign_is_on_it(paper: bytes) -> None:
    said = words(paper)
    for wanted in (
        "Acceptance report",
        RACK.rpartition("/")[2],
        "FAIL",
        "as measured",
        "76 deviations, 76 of them waived",
        "waived by ada (operator): They are replaced before delivery.",
        "SN000000000075",
        "1 834 TFLOP/s",
        "u13/gpu1",
        "at most 66",
        "Accepted with the waivers in this report",
        "Signature",
        "For the buyer",
        "ab" * 32,
    ):
        assert wanted in said.replace("\u202f", " ").replace("\xa0", " "), wanted


def test_ids_places_serial_numbers_and_hashes_are_searched_and_copied_as_they_are() -> None:
    serials = [f"SN-DELTA-0000-ORV3-{n:08d}" for n in range(2)]
    long = "PN/900-2G548-0081-000/REV.A_of-a-maker-that-likes-long-names-0123456789"
    failed = step("gpu_stress", [measured([finding(n, serial=serial) for n, serial in enumerate(serials)])])
    photo = Answer(
        BEGAN, "tom", "psu_each_of_all_shelves", barcode=long, photo="seen.png", photo_sha256="0123456789abcdef" * 4
    )
    told = replace(source(answers=[photo], hashes=[("raw-psu_each-again1-2.npz", "ab" * 32)]), record=record(failed))
    read = "".join(page.get_textpage().get_text_bounded() for page in pdfium.PdfDocument(as_pdf(report_of(told))))
    assert not UNSEEN.search(read), "characters that nobody sees"
    for whole in (told.record.id, *serials, "raw-psu_each-again1-2.npz", photo.photo_sha256, "seen.png"):
        assert whole in read
    for wrapped in (RACK, long):
        assert wrapped in read.replace("\r\n", ""), "a break changed it"
    assert all(piece in read for piece in RACK.split("/")), "a short piece of a name is broken"


def test_the_same_report_gives_the_same_bytes_and_another_one_others(paper: bytes) -> None:
    again = as_pdf(report_of(source(2)))
    assert again == as_pdf(report_of(source(2)))
    assert again != paper
    assert b"pdfaid" in again, "it is PDF/A"


def test_text_of_a_device_is_no_markup() -> None:
    hostile = '#panic("x") *bold* $x$ [a] <l> @ref `raw` \\ // ~'
    made = as_pdf(report_of(source(1, hashes=[(hostile, hostile)])))
    assert '#panic("x") *bold* $x$ [a] <l> @ref `raw`' in words(made)


def png(side: int = 40) -> bytes:
    """Return a dark square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes(3 * side) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_photos_are_on_paper_and_one_that_is_none_does_not_keep_it_from_being_made() -> None:
    good, bad = png(), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20)
    answers = [
        Answer(BEGAN, "tom", "psu_each", photo=name, photo_sha256=hashlib.sha256(content).hexdigest())
        for name, content in (("good.png", good), ("bad.png", bad))
    ]
    photos = {"good.png": ("image/png", good), "bad.png": ("image/png", bad)}
    report = report_of(source(answers=answers, photos=photos))
    paper = as_pdf(report)
    said = words(paper)
    assert "psu_each, by tom at" in said
    assert "bad.png: it cannot be decoded" in said
    dark = max((page < 40).mean() for page in pictures(paper))
    assert dark > 0.02, "the photo is not there"
    assert as_pdf(report) == paper
