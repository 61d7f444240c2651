"""What comes in at serving racks: from a request trace, or made up from a seed.  Arrays out; no files, no clock."""

import csv
from collections.abc import Iterable
from datetime import datetime

import numpy as np
import numpy.typing as npt

from firmware_bridge.vocabulary.errors import FileInvalid

Array = npt.NDArray[np.float64]

PROMPT_WEIGHT = 0.1  # work of a token that is read against one that is written (prefill runs in parallel)


def read_requests(lines: Iterable[str], file: str) -> tuple[Array, Array]:
    """Return times (s from the first, rising) and work (weighted tokens) of a trace of requests.

    Columns as in the Azure LLM inference traces: TIMESTAMP, ContextTokens, GeneratedTokens.
    Raises FileInvalid with file and line.
    """
    rows = csv.reader(lines)
    header = next(rows, [])
    if [c.strip() for c in header] != ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]:
        raise FileInvalid(file, 1, "(header)", "expected TIMESTAMP,ContextTokens,GeneratedTokens")
    times: list[float] = []
    work: list[float] = []
    for line, row in enumerate(rows, 2):
        try:
            moment, prompt, answer = row
            at = datetime.fromisoformat(moment[:26]).timestamp()
            tokens = PROMPT_WEIGHT * float(prompt) + float(answer)
        except ValueError as err:
            raise FileInvalid(file, line, "(row)", "expected a time and two numbers of tokens") from err
        if not (np.isfinite(tokens) and tokens >= 0):
            raise FileInvalid(file, line, "(row)", "expected finite numbers of tokens from 0")
        if times and at < times[-1]:
            raise FileInvalid(file, line, "TIMESTAMP", "expected a time that is not before the line above")
        times.append(at)
        work.append(tokens)
    if len(times) < 2 or times[-1] <= times[0]:
        raise FileInvalid(file, 1, "(document)", "expected at least two requests at different times")
    return np.array(times) - times[0], np.array(work)


def binned(times: Array, work: Array, steps: int, dt: float, racks: int, load: float, decode_s: float) -> Array:
    """Return the work that arrives in each step at each rack, (steps, racks), in rack-seconds; its mean is `load`.

    Every rack plays the trace from another moment; it repeats.
    """
    length = max(int(np.ceil(times[-1] / dt)), 1)
    rate = np.bincount(np.minimum((times / dt).astype(np.int64), length - 1), weights=work, minlength=length)
    rate = rate / max(rate.mean(), 1e-12) * load * dt
    starts = (np.arange(racks) * length) // max(racks, 1)
    index = (np.arange(steps)[:, None] + starts[None, :]) % length
    return _spread(rate[index], dt, decode_s, load * dt)


def made_up(
    rng: np.random.Generator,
    steps: int,
    dt: float,
    racks: int,
    load: float,
    burst: float,
    burst_s: float,
    decode_s: float,
) -> Array:
    """Return work as `binned` does, with a rate whose logarithm wanders about its mean."""
    keep = np.exp(-dt / burst_s)
    noise = rng.standard_normal((steps, racks)) * burst * np.sqrt(1.0 - keep**2)
    wander = np.empty((steps, racks))
    at = rng.standard_normal(racks) * burst
    for n in range(steps):
        at = keep * at + noise[n]
        wander[n] = at
    return _spread(load * dt * np.exp(wander - burst**2 / 2.0), dt, decode_s, load * dt)


def _spread(work: Array, dt: float, decode_s: float, start: float) -> Array:
    """Spread each arrival over the time that its answer takes to be written."""
    keep = np.exp(-dt / max(decode_s, 1e-9))
    out = np.empty_like(work)
    at = np.full(work.shape[1], start)
    for n in range(len(work)):
        at = keep * at + (1.0 - keep) * work[n]
        out[n] = at
    return out
