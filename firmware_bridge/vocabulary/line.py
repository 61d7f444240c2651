"""A serial line as data: speed and character format.  Knows no device file and opens nothing."""

from dataclasses import dataclass
from enum import StrEnum


class Parity(StrEnum):
    """The parity bit of a character."""

    EVEN = "even"
    ODD = "odd"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class LineLook:
    """Who answers on a line, as one of its trays sees it: bus addresses, each in order.

    `present` and `silent` are the tray's own; `strangers` answer and are no tray's of the site on this line.
    """

    line: str
    present: tuple[int, ...] = ()
    silent: tuple[int, ...] = ()
    strangers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How characters look on the wire: `baud` in bit/s, eight data bits, parity, stop bits."""

    baud: int = 19200
    parity: Parity = Parity.EVEN
    stop_bits: int = 1

    @property
    def bits_per_character(self) -> int:
        """Return start, data, parity and stop bits together: 11 for 8E1, 10 for 8N1."""
        return 1 + 8 + (self.parity is not Parity.NONE) + self.stop_bits

    def __str__(self) -> str:
        return f"{self.baud} 8{self.parity[0].upper()}{self.stop_bits}"
