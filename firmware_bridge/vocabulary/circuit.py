"""Over which conductors an electrical reading goes, in Redfish's words (Sensor.ElectricalContext)."""

from enum import StrEnum

from firmware_bridge.vocabulary.quantities import Quantity

Q = Quantity


class Circuit(StrEnum):
    """The conductors of a circuit; TOTAL: all that carry current, of whatever wiring."""

    TOTAL = "Total"
    LINE_1 = "Line1"
    LINE_2 = "Line2"
    LINE_3 = "Line3"
    NEUTRAL = "Neutral"
    LINE_TO_LINE = "LineToLine"
    LINE_1_TO_LINE_2 = "Line1ToLine2"
    LINE_2_TO_LINE_3 = "Line2ToLine3"
    LINE_3_TO_LINE_1 = "Line3ToLine1"
    LINE_TO_NEUTRAL = "LineToNeutral"
    LINE_1_TO_NEUTRAL = "Line1ToNeutral"
    LINE_2_TO_NEUTRAL = "Line2ToNeutral"
    LINE_3_TO_NEUTRAL = "Line3ToNeutral"
    LINE_1_TO_NEUTRAL_AND_L1L2 = "Line1ToNeutralAndL1L2"
    LINE_2_TO_NEUTRAL_AND_L1L2 = "Line2ToNeutralAndL1L2"
    LINE_2_TO_NEUTRAL_AND_L2L3 = "Line2ToNeutralAndL2L3"
    LINE_3_TO_NEUTRAL_AND_L3L1 = "Line3ToNeutralAndL3L1"


CIRCUITS: dict[str, Circuit] = {str(c): c for c in Circuit}
"""By the word for it."""

OF_A_WHOLE = frozenset(
    {
        *(Q.POWER, Q.POWER_INPUT, Q.POWER_LIMIT, Q.ENERGY, Q.VOLTAGE, Q.CURRENT, Q.FREQUENCY),
        *(Q.POWER_AVERAGE, Q.POWER_INSTANT, Q.POWER_MODULE, Q.POWER_LIMIT_ENFORCED, Q.POWER_LIMIT_SET, Q.ENERGY_TOTAL),
    }
)
"""What a part draws, gives or may draw as a whole: all of its conductors together."""

ELECTRICAL_UNITS = frozenset({"W", "J", "V", "A", "Hz"})
"""Units in which electrical registers count."""


def whole(quantity: Quantity) -> Circuit | None:
    """Return the circuit of a reading that speaks for a whole part, None for what is not electrical.

    Only for whoever knows that it does: a sensor of its own says itself, or nobody knows.
    """
    return Circuit.TOTAL if quantity in OF_A_WHOLE else None
