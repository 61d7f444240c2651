"""OCP Test & Validation output, schema 2.0, restated from opencomputeproject/ocp-diag-core, json_spec/output.

What our runs write is there with every name, type, enumeration and requirement; nothing else is let through.
"""

from functools import cache
from typing import Any

import jsonschema_rs

_TEXT = {"type": "string"}
_VALUE = {"type": ["string", "boolean", "number"]}


def _object(required: str, optional: str = "", **kinds: Any) -> dict[str, Any]:
    names = [*required.split(), *optional.split()]
    return {
        "type": "object",
        "properties": {n: kinds.get(n, _TEXT) for n in names},
        "required": required.split(),
        "additionalProperties": False,
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _many(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _ref(name)}


_DEFS = {
    "metadata": {"type": "object"},
    "status": {"enum": ["COMPLETE", "ERROR", "SKIP"]},
    "subcomponent": _object(
        "name",
        "type location version revision",
        type={"enum": ["UNSPECIFIED", "ASIC", "ASIC-SUBSYSTEM", "BUS", "FUNCTION", "CONNECTOR"]},
    ),
    "validator": _object(
        "type value",
        "name metadata",
        value=_VALUE,
        metadata=_ref("metadata"),
        type={
            "enum": [
                "EQUAL",
                "NOT_EQUAL",
                "LESS_THAN",
                "LESS_THAN_OR_EQUAL",
                "GREATER_THAN",
                "GREATER_THAN_OR_EQUAL",
                "REGEX_MATCH",
                "REGEX_NO_MATCH",
                "IN_SET",
                "NOT_IN_SET",
            ]
        },
    ),
    "hardware": _object(
        "name hardwareInfoId",
        "version revision location serialNumber partNumber partType manufacturer manufacturerPartNumber odataId"
        " computerSystem manager",
    ),
    "software": _object(
        "name softwareInfoId",
        "version revision softwareType computerSystem",
        softwareType={"enum": ["UNSPECIFIED", "FIRMWARE", "SYSTEM", "APPLICATION"]},
    ),
    "platform": _object("info"),
    "unit": _object(
        "dutInfoId",
        "name platformInfos softwareInfos hardwareInfos metadata",
        platformInfos=_many("platform"),
        softwareInfos=_many("software"),
        hardwareInfos=_many("hardware"),
        metadata=_ref("metadata"),
    ),
    "measurement": _object(
        "name value",
        "unit validators hardwareInfoId subcomponent metadata",
        value=_VALUE,
        validators=_many("validator"),
        subcomponent=_ref("subcomponent"),
        metadata=_ref("metadata"),
    ),
    "diagnosis": _object(
        "verdict type",
        "message hardwareInfoId subcomponent",
        type={"enum": ["PASS", "FAIL", "UNKNOWN"]},
        subcomponent=_ref("subcomponent"),
    ),
    "error": _object("symptom", "message softwareInfoIds", softwareInfoIds={"type": "array", "items": _TEXT}),
    "file": _object(
        "displayName uri isSnapshot",
        "description contentType metadata",
        isSnapshot={"type": "boolean"},
        metadata=_ref("metadata"),
    ),
    "runStart": _object(
        "name version commandLine parameters dutInfo",
        "metadata",
        parameters={"type": "object"},
        dutInfo=_ref("unit"),
        metadata=_ref("metadata"),
    ),
    "runEnd": _object("status result", status=_ref("status"), result={"enum": ["NOT_APPLICABLE", "PASS", "FAIL"]}),
    "run": {
        "oneOf": [
            _object("testRunStart", testRunStart=_ref("runStart")),
            _object("testRunEnd", testRunEnd=_ref("runEnd")),
            _object("error", error=_ref("error")),
        ]
    },
    "step": {
        "oneOf": [
            _object("testStepId testStepStart", testStepStart=_object("name")),
            _object("testStepId testStepEnd", testStepEnd=_object("status", status=_ref("status"))),
            *(_object(f"testStepId {n}", **{n: _ref(n)}) for n in ("measurement", "diagnosis", "error", "file")),
        ]
    },
}
_STAMP = {
    "sequenceNumber": {"type": "integer", "minimum": 0, "maximum": 2147483647},
    "timestamp": {"type": "string", "format": "date-time"},
}
_ROOT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": _DEFS,
    "oneOf": [
        _object("sequenceNumber timestamp schemaVersion", **_STAMP, schemaVersion={"const": {"major": 2, "minor": 0}}),
        _object("sequenceNumber timestamp testRunArtifact", **_STAMP, testRunArtifact=_ref("run")),
        _object("sequenceNumber timestamp testStepArtifact", **_STAMP, testStepArtifact=_ref("step")),
    ],
}


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(_ROOT, validate_formats=True)


def schema_faults(document: Any) -> list[str]:
    """Return what is wrong with one document of an output."""
    return [str(error) for error in _validator().iter_errors(document)]
