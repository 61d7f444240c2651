"""A GPU host gets no web server: what the agent imports is what its extra installs."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOOK = """
import json, sys
sys.modules['aiohttp'] = None  # as in __main__
import rack_controller.agent.command, rack_controller.agent.emulated, firmware_bridge.drivers.nvml.host
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_the_agent_imports_neither_web_nor_database() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", LOOK], capture_output=True, text=True, check=True, cwd=ROOT)
    found = set(json.loads(done.stdout))
    unwanted = {"fastapi", "nicegui", "uvicorn", "sqlalchemy", "starlette", "pydantic", "pycurl", "duckdb", "pyarrow"}
    assert not found & unwanted
    assert not {"datacenter_api", "redfish", "serial", "pymodbus", "yaml", "typer", "rich"} & found


def test_the_extra_names_what_it_imports() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[\[>=]", line)[0] for line in project["optional-dependencies"]["agent"]}
    assert names == {"msgspec", "nats-py", "numpy", "nvidia-ml-py"}
    assert project["scripts"]["rackwright-agent"] == "rack_controller.agent.__main__:run"
