"""Text from outside made fit for a line of output: printable, short.  Interprets nothing."""

import re

MOST_TEXT = 16 * 1024
# C0 and C1 controls, zero-width and direction-changing characters, lone line separators, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]+")


def scrub(text: object, most: int = MOST_TEXT) -> str:
    """Return `text` as one printable line: control and direction characters gone, at most `most` characters.

    What is not text becomes its plain spelling (numbers, booleans); None and containers become the empty string.
    """
    if text is None or isinstance(text, dict | list):
        return ""
    return printable(str(text)[: most * 2]).strip()[:most]


def printable(text: str) -> str:
    """Return `text` as one printable line, its room and length kept: each run of what cannot be printed is a space."""
    return text if text.isascii() and text.isprintable() else _UNPRINTABLE.sub(" ", text)
