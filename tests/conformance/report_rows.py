"""Print a validator's workbook as JSON lines: `python report_rows.py FOLDER`.  Runs in the validators' environment."""

import json
import sys
from pathlib import Path

import openpyxl

newest = max(Path(sys.argv[1]).rglob("*.xlsx"), key=lambda p: p.stat().st_mtime)
lines = openpyxl.load_workbook(newest, read_only=True)["Results"].iter_rows(values_only=True)
heads = [str(cell) for cell in next(lines)]
for line in lines:
    row = dict(zip(heads, (None if cell is None else str(cell) for cell in line), strict=True))
    print(json.dumps({"uri": row["URI"], "property": row["Property"], "result": row["Result"], "text": row["Message"]}))
