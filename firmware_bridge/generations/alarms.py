"""The alarms of an installation: its own file, or the seed's."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.alarms import AlarmRules, parse_alarm_rules

FILE = Path("knowledge") / "alarms.yaml"


def load_alarm_rules(search: Sequence[Path] = ()) -> AlarmRules:
    """Read the first `knowledge/alarms.yaml` below `search`, the seed's otherwise.

    Raises ConfigurationError when it cannot be read, FileInvalid when it does not say what it must.
    """
    path = next((p for root in search if (p := root / FILE).is_file()), seeds_folder() / FILE)
    try:
        return parse_alarm_rules(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the file") from err
