"""Units as types: one per quantity, converted only in `wire/` and at the API's edge."""

from typing import NewType

Watts = NewType("Watts", float)
Celsius = NewType("Celsius", float)
Kelvin = NewType("Kelvin", float)
"""A temperature difference; absolute temperatures are `Celsius`."""
LitersPerMinute = NewType("LitersPerMinute", float)
Kilopascals = NewType("Kilopascals", float)
Volts = NewType("Volts", float)
Amperes = NewType("Amperes", float)
Rpm = NewType("Rpm", float)
Ratio = NewType("Ratio", float)
Seconds = NewType("Seconds", float)
"""Monotonic time or a duration.  Wall-clock times are `UnixNanoseconds`."""
UnixNanoseconds = NewType("UnixNanoseconds", int)
