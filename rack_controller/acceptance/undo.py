"""What a live run has done to its rack and has not undone: on the disk before it is done, read again after a crash."""

from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.rig import Act

FILE = "undo.json"


class _Owed(msgspec.Struct, frozen=True):
    verb: str
    place: str = ""


class UndoBook:
    """What is to be undone, the oldest first.  Without a folder it is kept in memory alone."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read what a predecessor left.  Raises ConfigurationError when that cannot be read."""
        self._path = None if folder is None else folder / FILE
        self._owed = [] if self._path is None else _read(self._path)

    def owed(self) -> list[Act]:
        """Return what is to be undone, the newest first."""
        return [Act(o.verb, o.place) for o in reversed(self._owed)]

    def owe(self, act: Act) -> None:
        """Note what undoes the thing that is about to be done.  Raises EnvironmentUnfit: then it must not be done."""
        self._put([*(o for o in self._owed if o != _Owed(act.verb, act.place)), _Owed(act.verb, act.place)])

    def settle(self, act: Act) -> None:
        """Note that something was undone."""
        self._put([o for o in self._owed if o != _Owed(act.verb, act.place)])

    def _put(self, owed: list[_Owed]) -> None:
        if owed == self._owed:
            return
        if self._path is not None:
            keep(self._path, msgspec.json.encode(owed))
        self._owed = owed


def _read(path: Path) -> list[_Owed]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[_Owed])
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as err:
        raise ConfigurationError(
            f"{path} cannot be read: {err}", advice="see to it that everything is on again, then remove it"
        ) from err
