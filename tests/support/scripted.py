"""A connection of the command line whose answers a test scripts; what was sent is kept."""

from dataclasses import dataclass, field
from typing import Any

from firmware_bridge.vocabulary.errors import RackwrightError

RACK = "lab1/a/r01/k01"
HELD = {
    "pinned": f"sha256//{'A' * 43}=",
    "shown": f"sha256//{'B' * 43}=",
    "subject": "CN=u12",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2036-01-01T00:00:00Z",
    "reason": "it shows another certificate",
}


def endpoint(name: str = "u12/bmc", **more: Any) -> dict[str, Any]:
    row = {"place": f"{RACK}/{name}", "address": "192.0.2.12:443", "enabled": True, "held": None, "failing": []}
    return {**row, **more}


@dataclass
class Scripted:
    """Stands for `Connection`: `answers` by the end of a path, `results` by verb (an error is raised)."""

    endpoints: list[dict[str, Any]]
    answers: dict[str, Any] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def get(self, path: str, **_asked: Any) -> Any:
        if path.endswith("/racks"):
            return [{"rack": RACK}]
        if path.endswith("/endpoints"):
            return self.endpoints
        return next(answer for end, answer in self.answers.items() if path.endswith(end))

    def post(self, _path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.sent.append((body["verb"], body["target"], body["arguments"]))
        result = self.results.get(body["verb"], {})
        if isinstance(result, RackwrightError):
            raise result
        return {"result": result}
