"""The console patterns of an installation: its own file, or the seed's."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.console.patterns import PatternBook, parse_patterns

FILE = Path("knowledge") / "console_patterns.yaml"


def load_console_patterns(search: Sequence[Path] = ()) -> PatternBook:
    """Read the first `knowledge/console_patterns.yaml` below `search`, the seed's otherwise.

    Raises ConfigurationError when it cannot be read, FileInvalid when it does not say what it must.
    """
    path = next((p for root in search if (p := root / FILE).is_file()), seeds_folder() / FILE)
    try:
        return parse_patterns(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the file") from err
