"""A run as OCP Test & Validation output: one JSON document a line, schema 2.0.  Pure.

Names and nesting are those of opencomputeproject/ocp-diag-core, json_spec/output.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from rack_controller.prove.accept.evidence import FactValue
from rack_controller.prove.accept.verdict import Finding, Measured, Outcome

SCHEMA = {"major": 2, "minor": 0}
_DIAGNOSIS = dict.fromkeys(Outcome, "UNKNOWN") | {Outcome.PASS: "PASS", Outcome.FAIL: "FAIL"}
_RESULT = {Outcome.PASS: "PASS", Outcome.FAIL: "FAIL"}
Document = dict[str, Any]


class Output:
    """Numbers the documents of one run; every method adds some, `lines` are what there is so far."""

    def __init__(self, began_unix_ns: int) -> None:
        """`began_unix_ns`: when the run began; times of steps are seconds after it."""
        self._began, self._steps = began_unix_ns, 0
        self.lines: list[bytes] = []
        self.names: list[str] = []
        self._known: set[str] = set()
        self._add("schema", 0.0, {"schemaVersion": SCHEMA})

    def begin(
        self,
        name: str,
        version: str,
        command: str,
        parameters: Document,
        rack: str,
        facts: Mapping[str, Mapping[str, FactValue]],
    ) -> None:
        """Start the run of a rack whose parts say `facts` of themselves."""
        hardware = [_hardware(place, said) for place, said in facts.items() if said.get("serial")]
        self._known = {h["hardwareInfoId"] for h in hardware}
        software = [
            {"softwareInfoId": f"{p}/firmware", "name": p, "version": str(s["firmware"]), "softwareType": "FIRMWARE"}
            for p, s in facts.items()
            if s.get("firmware")
        ]
        unit = {"dutInfoId": rack, "name": rack, "hardwareInfos": hardware, "softwareInfos": software}
        start = {"name": name, "version": version, "commandLine": command, "parameters": parameters, "dutInfo": unit}
        self._add("run start", 0.0, {"testRunArtifact": {"testRunStart": start}})

    def step(
        self,
        name: str,
        began_s: float,
        took_s: float,
        outcome: Outcome,
        measures: Sequence[Measured],
        raw: str,
        said: str = "",
    ) -> None:
        """Add a whole step: its measures with their validators, a diagnosis each, and what is wrong with which part.

        `said`: what else is to be said of how it ended.
        """
        self._steps += 1
        end = began_s + took_s
        self._of_step(name, began_s, {"testStepStart": {"name": name}})
        if said:
            self._of_step(f"{name}/said", end, {"log": {"severity": "INFO", "message": said}})
        for measured in measures:
            for document in self._measure(measured):
                self._of_step(f"{name}/{measured.id}", end, document)
        if raw:
            file = {
                "displayName": raw,
                "uri": f"file:{raw}",
                "isSnapshot": True,
                "contentType": "application/octet-stream",
            }
            self._of_step(f"{name}/raw", end, {"file": file})
        status = "ERROR" if outcome in {Outcome.ERROR, Outcome.STOPPED} else "COMPLETE"
        self._of_step(f"{name}/end", end, {"testStepEnd": {"status": status}})

    def end(self, at_s: float, outcome: Outcome) -> None:
        """End the run."""
        status = "COMPLETE" if outcome in _RESULT else "ERROR"
        result = _RESULT.get(outcome, "NOT_APPLICABLE")
        self._add("run end", at_s, {"testRunArtifact": {"testRunEnd": {"status": status, "result": result}}})

    def _measure(self, measured: Measured) -> Iterator[Document]:
        if measured.value is not None and measured.value == measured.value:  # NaN has no spelling in JSON
            yield {"measurement": _measurement(measured, self._known)}
        verdict = f"{measured.id}-{measured.outcome}"
        yield {"diagnosis": {"verdict": verdict, "type": _DIAGNOSIS[measured.outcome], "message": measured.title}}
        for finding in measured.findings:
            if finding.error:
                yield {"error": {"symptom": f"{finding.measure}-not-measured", "message": finding.text}}
            else:
                said: Document = {"verdict": f"{finding.measure}-fail", "type": "FAIL", "message": _told(finding)}
                if finding.place in self._known:
                    said["hardwareInfoId"] = finding.place
                yield {"diagnosis": said}

    def _of_step(self, name: str, at_s: float, document: Document) -> None:
        self._add(name, at_s, {"testStepArtifact": {"testStepId": str(self._steps), **document}})

    def _add(self, name: str, at_s: float, document: Document) -> None:
        moment = datetime.datetime.fromtimestamp(self._began / 1e9 + at_s, datetime.UTC)
        stamp = {"sequenceNumber": len(self.lines), "timestamp": moment.isoformat(timespec="milliseconds")}
        self.lines.append(orjson.dumps(document | stamp) + b"\n")
        self.names.append(name)


def _measurement(measured: Measured, known: set[str]) -> Document:
    document: Document = {
        "name": measured.id,
        "value": measured.value,
        "unit": measured.unit,
        "metadata": {"source": measured.source, "confidence": round(measured.confidence, 4), "place": measured.place},
    }
    if (
        measured.limit is not None
        and isinstance(measured.value, int | float)
        and isinstance(measured.limit, int | float)
    ):
        # The limit nearest to the value: which side is good follows from the outcome.
        above = (measured.value > measured.limit) == (measured.outcome is Outcome.PASS)
        kind = "GREATER_THAN_OR_EQUAL" if above else "LESS_THAN_OR_EQUAL"
        document["validators"] = [{"name": "limit", "type": kind, "value": measured.limit}]
    if measured.place in known:
        document["hardwareInfoId"] = measured.place
    return document


def _hardware(place: str, said: Mapping[str, FactValue]) -> Document:
    found = {"hardwareInfoId": place, "name": place, "location": place, "serialNumber": str(said["serial"])}
    return found | ({"partNumber": str(said["part"])} if said.get("part") else {})


def _told(finding: Finding) -> str:
    serial = f" (serial {finding.serial})" if finding.serial else ""
    return f"{finding.text}{serial}; limit: {finding.source}; confidence {finding.confidence:.4f}"
