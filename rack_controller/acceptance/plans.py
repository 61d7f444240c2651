"""A generation's acceptance plan as a file: its own, or that of the generation it extends."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.load import MOST_EXTENDS, generation_folders, load_generation
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.wire.located_yaml import parse
from rack_controller.prove.accept.plan import Plan, plan_of

FILE = "acceptance.yaml"


def read_plan(path: Path) -> tuple[Plan, str]:
    """Return a file's plan and the SHA-256 of its text.

    Raises ConfigurationError when it cannot be read, FileInvalid with file, line and field when it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="name an acceptance plan") from err
    return plan_of(parse(text, str(path))), hashlib.sha256(text.encode()).hexdigest()


def plan_path(generation: str, search: Sequence[Path] = ()) -> Path:
    """Return where a generation's plan is: in its folder, or in that of one that it extends.

    Raises ConfigurationError when none of them has one.
    """
    folders = generation_folders(search)
    name = load_generation(generation, search).name
    for _ in range(MOST_EXTENDS):
        folder = folders[name]
        if (folder / FILE).is_file():
            return folder / FILE
        document = parse((folder / "rack.yaml").read_text(encoding="utf-8"), str(folder / "rack.yaml"))
        below = document.value.get("extends")
        if below is None:
            break
        name = str(below)
    raise ConfigurationError(f"generation {generation!r} has no {FILE}", advice="write one beside its rack.yaml")
