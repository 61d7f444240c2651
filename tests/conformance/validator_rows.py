"""Print a validator's workbook as JSON lines, column by column: `python validator_rows.py FOLDER`.

Runs in the validators' environment.  The first sheet is the tool's own summary.
"""

import json
import sys
from pathlib import Path

import openpyxl

newest = max(Path(sys.argv[1]).rglob("*.xlsx"), key=lambda p: p.stat().st_mtime)
book = openpyxl.load_workbook(newest, read_only=True)
for sheet in book.sheetnames[1:]:
    lines = book[sheet].iter_rows(values_only=True)
    heads = [str(cell) for cell in next(lines)]
    for line in lines:
        row = dict(zip(heads, (None if cell is None else str(cell) for cell in line), strict=False))
        if row.get("Result"):
            print(json.dumps(row))
