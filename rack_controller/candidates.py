"""Passwords that a device may have come with, tried only when told to: one per account, with a pause, and no further at
the first sign of a lock.  We ship none: the file is the operator's own.
"""

import asyncio
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware_bridge.credentials.vault import Credential
from firmware_bridge.drivers.redfish.contact import Door
from firmware_bridge.drivers.redfish.rotate import PinnedAccounts
from firmware_bridge.vocabulary.errors import ConfigurationError, EndpointRefused, LoginRefused
from rack_controller.enrol import Newcomer

PAUSE_S = 3.0
MOST = 64
_WRONG = 401  # anything else that is not a success may be a lock, or lead to one


def read_candidates(file: Path) -> list[Credential]:
    """Return the lines `user:password` of a file that only its owner may read; `#` begins a comment line.

    Raises ConfigurationError that names the line, never the password.
    """
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {file}: {getattr(err, 'strerror', None) or err}") from err
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(f"{file} can be read by others", advice=f"chmod 600 {file}")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user, colon, secret = line.partition(":")
        if not user or not colon or not secret:
            raise ConfigurationError(f"{file}:{number}: expected user:password", advice="one pair a line")
        found.append(Credential(user, secret))
    if not 1 <= len(found) <= MOST:
        raise ConfigurationError(f"{file} holds {len(found)} pairs", advice=f"1 to {MOST}")
    return found


async def find_credential(
    who: Newcomer, pin: str, candidates: Sequence[Credential], told: Callable[[str], None] = lambda _: None
) -> Credential:
    """Return the first candidate that opens the endpoint; each account is tried once, whatever stands in the file.

    Raises LoginRefused when none does, EndpointRefused at the first sign of a lock, and what else goes wrong.
    """
    device = PinnedAccounts(Door(who.place, who.address, who.port), pin)
    tried: set[str] = set()
    for candidate in candidates:
        if candidate.user in tried:
            told(f"another password of {candidate.user} is left for another time: accounts lock")
            continue
        if tried:
            await asyncio.sleep(PAUSE_S)
        tried.add(candidate.user)
        try:
            login = await device.log_in(candidate)
        except LoginRefused as err:
            if err.status != _WRONG:
                raise EndpointRefused(
                    who.place, "login", f"HTTP {err.status}: the account may be locked", advice="wait, then look at it"
                ) from err
            continue
        await device.log_out(login)
        return candidate
    raise LoginRefused(who.place, "login", "none of the passwords in the file opens it", advice="ask who installed it")
