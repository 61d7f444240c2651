"""Texts as they stand between quotation marks in JSON: nearly always as they are.  Pure."""

import numpy as np
import orjson
import pyarrow as pa


def escaped(values: list[str]) -> list[str]:
    """Return texts as they stand between quotation marks in JSON."""
    every = "".join(values)
    if len(orjson.dumps(every)) == len(every.encode()) + 2:
        return values
    return [escaped_text(value) for value in values]


def escaped_array(texts: pa.Array) -> pa.Array:
    """Return texts that differ from row to row as they stand between quotation marks in JSON, null where they are."""
    raw = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if ((raw < ord(" ")) | (raw == ord('"')) | (raw == ord("\\"))).any():  # looked for in all texts at once
        return pa.array([None if t is None else escaped_text(t) for t in texts.to_pylist()], pa.string())
    return texts


def escaped_text(value: str) -> str:
    """Return a text as it stands between quotation marks in JSON."""
    return orjson.dumps(value).decode()[1:-1]
