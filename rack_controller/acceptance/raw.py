"""Raw series of a step as named arrays, complete in themselves: values, times, units, places and phases.  Pure.

`gpu.power` (N, P), `gpu.power@` times, s, `gpu.power#` its unit, `places.gpu.power` what the columns are, `phases.…`
when what was done.  Whoever opens the file years later needs nothing else to read it.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rack_controller.prove.accept.evidence import Evidence, Phase, Series

Arrays = dict[str, npt.NDArray[np.generic]]
_PLACES, _PHASES = "places.", "phases."


def pack(evidence: Evidence) -> Arrays:
    """Return what was read in a step as arrays."""
    arrays: Arrays = {}
    for series in evidence.series.values():
        arrays[series.name] = series.values.astype(np.float32)
        arrays[f"{series.name}@"] = series.times.astype(np.float32)
        arrays[f"{series.name}#"] = np.array(series.unit)
        arrays[_PLACES + series.name] = np.array(series.places, dtype=np.str_)
    phases = evidence.phases
    arrays[f"{_PHASES}name"] = np.array([p.name for p in phases], dtype=np.str_)
    arrays[f"{_PHASES}place"] = np.array([p.place for p in phases], dtype=np.str_)
    arrays[f"{_PHASES}times"] = np.array([(p.since, p.begin, p.end) for p in phases]).reshape(len(phases), 3)
    return arrays


def unpack(rack: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Evidence:
    """Return the evidence that arrays hold.  Raises KeyError and ValueError for what is none."""
    series: dict[str, Series] = {}
    for name in arrays:
        if name.startswith((_PLACES, _PHASES)) or name[-1] in "@#":
            continue
        places = tuple(str(p) for p in arrays[_PLACES + name])
        values, times = (np.asarray(arrays[n], dtype=np.float64) for n in (name, f"{name}@"))
        if values.shape != (len(times), len(places)):
            raise ValueError(f"{name}: {values.shape} readings of {len(places)} places at {len(times)} times")
        series[name] = Series(name, str(arrays[f"{name}#"]), places, times, values)
    said = zip(arrays[f"{_PHASES}name"], arrays[f"{_PHASES}place"], arrays[f"{_PHASES}times"], strict=True)
    phases = tuple(Phase(str(n), float(t[0]), float(t[1]), float(t[2]), str(p)) for n, p, t in said)
    return Evidence(rack, series, phases)
