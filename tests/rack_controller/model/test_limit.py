"""Set-points as a journal keeps them."""

import msgspec

from firmware_bridge.vocabulary.quantities import Quantity
from rack_controller.model.limit import SetPoint, decode_set_point


def test_a_set_point_is_read_as_it_was_written() -> None:
    wanted = SetPoint("lab1/a/r01/k01/u00/flow", "lab1/a/r01/k01/u00/serial", 130.0, "rosa", 7, quantity=Quantity.FLOW)
    assert decode_set_point(msgspec.json.encode(wanted).decode()) == wanted


def test_a_limit_that_an_older_controller_wrote_down_is_still_wanted() -> None:
    document = '{"place":"k/u12/gpu0","endpoint":"k/u12/bmc","watts":900.0,"by":"rosa","wanted_unix_ns":7}'
    assert decode_set_point(document) == SetPoint("k/u12/gpu0", "k/u12/bmc", 900.0, "rosa", 7)
