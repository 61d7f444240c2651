"""The dew point of air: worked out from its temperature and relative humidity where no device says it.  Pure.

Magnus' formula over water with the coefficients of Alduchov and Eskridge, "Improved Magnus Form Approximation of
Saturation Vapor Pressure", J. Appl. Meteor. 35 (1996) 601-609, eq. 21: within 0.4 % of the saturation pressure from
-40 to 50 °C.  Against steam tables that still holds at 60 °C; beyond it nothing is worked out.
"""

import math

from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.quantities import Quantity
from firmware_bridge.vocabulary.reading import Quality, Reading
from firmware_bridge.vocabulary.units import Celsius, Seconds

_A_HPA, _B, _C = 6.1094, 17.625, 243.04  # hPa, 1, °C
COLDEST_C, HOTTEST_C = -40.0, 60.0
WORKED_OUT = "air temperature x humidity"
"""Source and label of a dew point that no device said."""
DRIEST = 1.0  # %: a sensor that is not there reads 0, and no room is as dry


def saturation_hpa(air: float) -> float:
    """Return the pressure of saturated water vapour over water at `air` °C, in hPa."""
    return _A_HPA * math.exp(_B * air / (_C + air))


def dew_point_c(air: float, humidity: float) -> Celsius | None:
    """Return the dew point in °C of air at `air` °C with a relative `humidity` in %.

    None outside -40 to 60 °C and 1 to 100 %: there the formula, or the sensor, is not to be believed.
    """
    if not (COLDEST_C <= air <= HOTTEST_C and DRIEST <= humidity <= 100.0):
        return None
    moisture = math.log(humidity / 100.0) + _B * air / (_C + air)
    return Celsius(_C * moisture / (_B - moisture))


def dew_point_reading(place: Place, air: Reading | None, humidity: Reading | None, now: Seconds) -> Reading:
    """Return the dew point at `place` from what is known there: unknown when one of the two is, as old as the older.

    It is flagged when one of them is.
    """
    if air is None or humidity is None or air.value is None or humidity.value is None:
        return Reading(place, Quantity.DEW_POINT, None, now, Quality.MISSING, WORKED_OUT)
    known = dew_point_c(float(air.value), float(humidity.value))
    taken_at = min(air.taken_at, humidity.taken_at)
    if known is None:
        return Reading(place, Quantity.DEW_POINT, None, taken_at, Quality.REFUSED, WORKED_OUT)
    doubted = Quality.FLAGGED in (air.quality, humidity.quality)
    return Reading(place, Quantity.DEW_POINT, known, taken_at, Quality.FLAGGED if doubted else Quality.GOOD, WORKED_OUT)
