"""Reads the policies a controller starts with: the installation's own files first, then the seeds."""

from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.generations.seeds import seeds_folder
from firmware_bridge.vocabulary.errors import ConfigurationError
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.wire.located_yaml import convert, parse
from rack_controller.model.interlock import KIND, InterlockPolicy, parse_interlock
from rack_controller.model.policy import Policy, check_schema, selects

FOLDER = "policies"


def load_interlocks(rack: Place, generation: str, search: Sequence[Path] = ()) -> InterlockPolicy:
    """Return the interlock policy of one rack: the first that covers it, of files in `policies/` below `search`, in
    the order of their names, then of the seeds.

    Raises ConfigurationError when none covers it, FileInvalid with file and line when one is wrong: a rack whose
    interlocks cannot be read is not run.
    """
    for folder in [*(root / FOLDER for root in search), seeds_folder() / FOLDER]:
        for path in sorted(folder.glob("*.yaml")):
            policy, spec = _read(path)
            if spec is not None and selects(policy, rack, generation):
                return spec
    raise ConfigurationError(f"no interlock policy covers {rack}", advice=f"write one of kind {KIND} that selects it")


def _read(path: Path) -> tuple[Policy, InterlockPolicy | None]:
    try:
        document = parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"cannot read {path}: {err}", advice="restore the file") from err
    policy = convert(document, "", Policy)
    try:
        check_schema(policy)
        return policy, parse_interlock(policy.spec) if policy.kind == KIND else None
    except ValueError as err:
        raise document.complaint("spec", str(err)) from err
