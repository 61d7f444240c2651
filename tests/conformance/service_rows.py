"""Run DMTF's service validator and write its results to `rows.jsonl` in its report folder: `… service_rows.py OPTIONS`.

Runs in the validators' environment.  Its own workbook has a styled cell for each of 270,000 results, which takes longer
than all checks; the same rows come out here as lines.
"""

import json
import sys
from pathlib import Path
from typing import Any

from redfish_service_validator import console_scripts, report


def write_rows(sut: Any, folder: str, *_more: Any) -> Path:
    """Write what the workbook would hold."""
    file = Path(folder) / "rows.jsonl"
    with file.open("w") as lines:
        for uri, resource in sut._resources.items():
            for prop, found in resource["Results"].items() if resource["Validated"] else ():
                told = {
                    "Result": found.get("Result"),
                    "Message": found.get("Message"),
                    "Value": str(found.get("Value")),
                }
                lines.write(json.dumps({"URI": uri, "Property": prop, **told}) + "\n")
    return file


if __name__ == "__main__":
    report.xlsx_report = write_rows
    sys.exit(console_scripts.main())
