"""Subscriptions on disk, so that a restart forgets none: one JSON file, owner's eyes only, replaced as a whole."""

import os
from pathlib import Path

import msgspec

from datacenter_api.redfish.push.subscription import Subscription
from firmware_bridge.vocabulary.errors import EnvironmentUnfit


class Book(msgspec.Struct):
    """What is kept: the retry rules of the service and every subscription."""

    attempts: int = 3
    interval_s: float = 30.0
    subscriptions: list[Subscription] = []


def read_book(file: Path) -> Book:
    """Return what is kept.  Raises EnvironmentUnfit when the file cannot be read or is not ours."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Book)
    except FileNotFoundError:
        return Book()
    except msgspec.MsgspecError as err:
        raise EnvironmentUnfit(f"{file}: {err}", advice="move the file away; clients must subscribe again") from err
    except OSError as err:
        raise EnvironmentUnfit(f"cannot read {file}: {err.strerror}", advice="fix its permissions") from err


def write_book(file: Path, book: Book) -> None:
    """Replace the file.  Raises EnvironmentUnfit when the disk says no."""
    fresh = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(msgspec.json.encode(book))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except OSError as err:
        raise EnvironmentUnfit(f"cannot write {file}: {err.strerror}", advice="free space or fix permissions") from err
