"""What proves a commitment to a cost.  Pure."""

import msgspec

TOTAL = "total"


class Opening(msgspec.Struct, frozen=True, gc=False):
    """What proves one commitment: the cost as it was handed in, in 1/10,000 of its currency, and the salt in hex.

    The opening of `place` TOTAL holds the sum of all stated costs in the rule's currency.
    """

    place: str
    cost: int
    currency: str
    basis: str
    salt: str


class Openings(msgspec.Struct, frozen=True):
    """The openings of one redacted export.  Whoever holds them knows the prices: they are the seller's secret."""

    rack: str
    rule: str
    openings: tuple[Opening, ...]
