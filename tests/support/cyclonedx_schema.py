"""CycloneDX's own published schema of 1.7, as its Python library carries it, and its reader of BOMs."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import cyclonedx.schema
import jsonschema_rs

_FOLDER = Path(cyclonedx.schema.__file__).parent / "_res"
_BASE = "http://cyclonedx.org/schema/"
_PARTS = ("spdx", "jsf-0.82", "cryptography-defs")


@cache
def _validator() -> Any:
    parts = [(f"{_BASE}{name}.SNAPSHOT.schema.json", _read(name)) for name in _PARTS]
    return jsonschema_rs.validator_for(_read("bom-1.7"), registry=jsonschema_rs.Registry(parts))


def schema_faults(document: Any) -> list[str]:
    """Return what the schema finds wrong with a BOM."""
    return [str(error) for error in _validator().iter_errors(document)]


def _read(name: str) -> Any:
    return json.loads((_FOLDER / f"{name}.SNAPSHOT.schema.json").read_text())
