"""Files that are replaced whole: whoever reads one sees the old or the new content, never half of either."""

import os
from pathlib import Path

from firmware_bridge.vocabulary.errors import EnvironmentUnfit


def keep(path: Path, content: bytes, *, durable: bool = True, mode: int = 0o644) -> None:
    """Replace a file; on the disk before this returns where it is `durable`.  Raises EnvironmentUnfit."""
    scratch = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as err:
        raise EnvironmentUnfit(f"{path.name} is not kept: {err.strerror}", advice="make room") from err
