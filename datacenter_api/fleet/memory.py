"""Layouts and tables kept on disk, so that after a restart the last frames can be read while a controller is away."""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

import msgspec

from datacenter_api.fleet.record import RackRecord
from datacenter_api.fleet.state import FleetState
from rack_controller.model.layout import Layout
from rack_controller.model.subjects import token
from rack_controller.model.table import decode_table, encode_table

log = logging.getLogger(__name__)


@dataclass
class RackMemory:
    """Two small files per rack; losing them costs nothing but this comfort."""

    directory: Path

    def load_into(self, fleet: FleetState) -> None:
        """Bring back what was kept; a file that does not read is left out."""
        if not self.directory.is_dir():
            return
        for file in sorted(self.directory.glob("*.layout.json")):
            with contextlib.suppress(ValueError, OSError):
                name = token(file.name.removesuffix(".layout.json"))
                layout = msgspec.json.decode(file.read_bytes(), type=Layout)
                table = decode_table((self.directory / f"{name}.table.json").read_bytes())
                record = fleet.record(name)
                record.hear_layout(layout)
                record.hear_table(table)

    def keep(self, record: RackRecord) -> None:
        """Write what changed, write-then-rename.  A full disk is logged, never fatal."""
        if record.layout is None or record.columns is None:
            return
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(f"{record.token}.table.json", encode_table(record.columns.table))
            self._write(f"{record.token}.layout.json", msgspec.json.encode(record.layout))
        except OSError as err:
            log.warning("rack %s not kept on disk: %s", record.token, err.strerror)

    def _write(self, name: str, body: bytes) -> None:
        file = self.directory / name
        if file.exists() and file.stat().st_size == len(body) and file.read_bytes() == body:
            return
        fresh = file.with_suffix(".new")
        fresh.write_bytes(body)
        fresh.replace(file)
