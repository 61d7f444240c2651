"""Which resources of an endpoint fail while the rest answers: since when and how often.  Pure."""

from collections.abc import Mapping
from dataclasses import replace

from firmware_bridge.vocabulary.errors import DeviceError
from firmware_bridge.vocabulary.units import Seconds
from rack_controller.model.failing import Failing


def judge_failing(
    known: Mapping[str, Failing], faults: Mapping[str, DeviceError], now: Seconds
) -> Mapping[str, Failing]:
    """Return what fails after a read that left `faults` behind; one that can be read again is forgotten.

    Every failed read brings an error of its own, so the same error object is the same failure seen again.
    """
    if not faults and not known:
        return known
    found = dict[str, Failing]()
    for where, error in faults.items():
        was = known.get(where)
        if was is None:
            found[where] = Failing(error, now, now)
        elif was.error is error:
            found[where] = was
        else:
            found[where] = replace(was, error=error, at=now, times=was.times + 1)
    return found
