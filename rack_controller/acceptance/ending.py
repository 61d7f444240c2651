"""How a run ends: what its rack says of itself is kept, then its outcome, then it is sealed from its folder alone.

A crash in between leaves a run that whoever goes on with it seals just so, with nothing asked of its rack any more.
Until then it has no outcome that may be told (`RunFolder.told`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from firmware_bridge.vocabulary.errors import ConfigurationError
from rack_controller.acceptance.kept import keep
from rack_controller.acceptance.record import RunRecord
from rack_controller.acceptance.run import RunFolder
from rack_controller.prove.accept.evidence import FactValue
from rack_controller.signing_keys import FOLDER as KEYS
from rack_controller.signing_keys import SigningKeys

FACTS = "facts.json"
"""What the rack's parts said of themselves while the run went on, by place."""
Facts = dict[str, dict[str, FactValue]]


def keep_facts(folder: Path, facts: Mapping[str, Mapping[str, FactValue]]) -> None:
    """Keep what a run's rack says of itself, beside what it said before: whoever goes on with the run asks it no more.

    Raises EnvironmentUnfit, ConfigurationError when what was kept cannot be read.
    """
    kept = facts_of(folder)
    known = {place: dict(said) for place, said in kept.items()}
    for place, said in facts.items():
        known.setdefault(place, {}).update(said)
    if known != kept:
        keep(folder / FACTS, msgspec.json.format(msgspec.json.encode(known)))


def facts_of(folder: Path) -> Facts:
    """Return what was kept of a run's rack; of one that nobody asked any more nothing.  Raises ConfigurationError."""
    path = folder / FACTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Facts)
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as err:
        raise ConfigurationError(f"{path} cannot be read: {err}", advice="restore it") from err


def seal_up(folder: RunFolder, state: Path) -> None:
    """Write a run that has its outcome out and seal it; one that is sealed stays as it is.

    Raises EnvironmentUnfit when it cannot be kept, ConfigurationError when its folder cannot be read.
    """
    if not folder.is_sealed:
        folder.finish(folder.read(), facts_of(folder.path), SigningKeys(state / KEYS).signer())


def seal_all(folders: Sequence[RunFolder], state: Path) -> list[RunRecord]:
    """Seal runs of which each has its outcome, and return their records; nothing where one has none yet."""
    records = [folder.read() for folder in folders]
    if any(record.outcome is None for record in records):
        return []
    for folder in folders:
        seal_up(folder, state)
    return records
