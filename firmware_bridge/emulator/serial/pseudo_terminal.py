"""A pseudo-terminal that stands in for a serial port: bytes, the speed a master has set, the parity it claims.

A pty drops the parity bit of its settings, so a claim is read from marks that survive: INPCK says even, INPCK with
PARODD odd, IGNPAR alone none.  A client that marks nothing has said nothing.
"""

import contextlib
import os
import termios
import tty
from dataclasses import dataclass
from pathlib import Path

from firmware_bridge.emulator.serial.line import Spoken
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.line import Parity

_SPEEDS = {
    termios.B1200: 1200,
    termios.B2400: 2400,
    termios.B4800: 4800,
    termios.B9600: 9600,
    termios.B19200: 19200,
    termios.B38400: 38400,
    termios.B57600: 57600,
    termios.B115200: 115200,
}
_MOST_READ = 4096
_IFLAG, _CFLAG, _ISPEED, _OSPEED = 0, 2, 4, 5


@dataclass(frozen=True, slots=True)
class PseudoTerminal:
    """One open pty: `master` is the devices' side, `link` the stable name under which a master opens the other.

    The other side is kept open here, so that its settings last and the line never hangs up.
    """

    master: int
    slave: int
    link: Path

    @classmethod
    def open(cls, link: Path) -> "PseudoTerminal":
        """Open a pty and point `link` at it; a link that a dead emulator left is replaced.  Raises EnvironmentUnfit."""
        try:
            master, slave = os.openpty()
        except OSError as err:
            raise EnvironmentUnfit(f"no pseudo-terminal left: {err}", advice="raise kernel.pty.max") from err
        try:
            tty.setraw(slave)
            settings = termios.tcgetattr(slave)
            settings[_ISPEED] = settings[_OSPEED] = termios.B9600  # as a serial port that nobody has set yet
            termios.tcsetattr(slave, termios.TCSANOW, settings)
            os.set_blocking(master, False)
            fresh = link.with_name(f".{link.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(slave))
            fresh.replace(link)
        except (OSError, termios.error) as err:
            os.close(master)
            os.close(slave)
            raise EnvironmentUnfit(f"cannot make {link}: {err}", advice="choose another --state") from err
        return cls(master, slave, link)

    def spoken(self) -> Spoken:
        """Return how the master has set its side."""
        settings = termios.tcgetattr(self.master)
        iflag, odd = settings[_IFLAG], settings[_CFLAG] & termios.PARODD
        if iflag & termios.INPCK:
            parity: Parity | None = Parity.ODD if odd else Parity.EVEN
        else:
            parity = Parity.NONE if iflag & termios.IGNPAR else None
        return Spoken(_SPEEDS.get(settings[_OSPEED], 0), parity)

    def read(self) -> bytes:
        """Return what the master has written, nothing when there is nothing."""
        try:
            return os.read(self.master, _MOST_READ)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Hand bytes to the master; what does not fit because nobody reads is lost, as on a wire."""
        with contextlib.suppress(OSError):
            os.write(self.master, data)

    def close(self) -> None:
        """Close both sides and remove the link."""
        os.close(self.master)
        os.close(self.slave)
        with contextlib.suppress(OSError):
            self.link.unlink(missing_ok=True)
