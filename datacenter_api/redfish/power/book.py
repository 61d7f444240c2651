"""The aggregates of this service as they are kept, and which reset of several trays runs.  Switches nothing."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from datacenter_api.redfish.power.tasks import Task
from firmware_bridge.vocabulary.errors import EnvironmentUnfit
from firmware_bridge.vocabulary.units import Seconds


class Aggregate(msgspec.Struct):
    """Several resources under one name, `elements` by URI."""

    id: str
    elements: list[str]


class AggregateBook:
    """The aggregates of this service, kept in one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.busy: Task | None = None
        self.free_at = Seconds(float("-inf"))
        self.all: dict[str, Aggregate] = {}
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=list[Aggregate]) if file.exists() else []
        except (OSError, msgspec.MsgspecError) as err:
            raise EnvironmentUnfit(f"cannot read {file}: {err}", advice="remove the file") from err
        self.all = {one.id: one for one in kept}

    def add(self, elements: Sequence[str]) -> Aggregate:
        """Keep a new aggregate."""
        number = 1 + max((int(name) for name in self.all), default=0)
        made = self.all[str(number)] = Aggregate(str(number), list(elements))
        self.write()
        return made

    def drop(self, name: str) -> None:
        """Forget one."""
        del self.all[name]
        self.write()

    def write(self) -> None:
        """Write the file anew.  Raises EnvironmentUnfit."""
        made = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            made.write_bytes(msgspec.json.encode(list(self.all.values())))
            made.replace(self._file)
        except OSError as err:
            raise EnvironmentUnfit(f"cannot write {self._file}: {err.strerror}", advice="free space") from err
