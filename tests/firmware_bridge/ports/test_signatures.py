"""Port signatures are a contract: golden.  If this fails, revert your change, not the file."""

import inspect
import json
from pathlib import Path
from types import ModuleType

from firmware_bridge.ports import building, enrolment, firmware, hosts, power, set_points, telemetry, trays

GOLDEN = Path(__file__).parents[2] / "golden" / "ports.json"


def signatures() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    modules: tuple[ModuleType, ...] = (telemetry, trays, hosts, enrolment, power, firmware, set_points, building)
    for module in modules:
        for name, port in vars(module).items():
            if inspect.isclass(port) and port.__module__ == module.__name__:
                bases = ", ".join(b.__name__ for b in port.__bases__ if b.__name__ not in ("Protocol", "object"))
                methods = {n: _signature(m) for n, m in vars(port).items() if not n.startswith("_")}
                found[name] = {"is": bases, **methods}
    return found


def _signature(member: object) -> str:
    if isinstance(member, property):
        assert member.fget is not None
        return f"property{inspect.signature(member.fget)}"
    assert callable(member)
    return ("async " if inspect.iscoroutinefunction(member) else "") + str(inspect.signature(member))


def test_the_ports_stay_as_they_are() -> None:
    assert signatures() == json.loads(GOLDEN.read_text())


def test_every_port_and_method_says_its_job() -> None:
    for module in (telemetry, trays, hosts, enrolment, power, firmware, set_points, building):
        for port in vars(module).values():
            if inspect.isclass(port) and port.__module__ == module.__name__:
                assert port.__doc__, port
                for name, member in vars(port).items():
                    if not name.startswith("_"):
                        assert member.__doc__, (port, name)
