"""Which GPU is behind which port: every link once, and back again."""

import pytest

from firmware_bridge.generations.load import load_generation
from firmware_bridge.vocabulary.place import Place
from firmware_bridge.vocabulary.site import SiteRack
from rack_controller.model.layout import make_layout
from rack_controller.model.wiring import Wiring, wirings_of

RACK = Place("lab1/a/r01/k01")


def wiring(generation: str) -> Wiring:
    (found,) = wirings_of(make_layout(SiteRack(RACK, generation), load_generation(generation), ()))
    return found


@pytest.mark.parametrize(("generation", "gpus"), [("gb200-nvl72", 72), ("gb300-nvl72", 72), ("orv3-hpr-nvl36x2", 36)])
def test_every_link_of_every_gpu_has_a_port_of_its_own(generation: str, gpus: int) -> None:
    wired = wiring(generation)
    assert (len(wired.gpus), len(wired.switches)) == (gpus, 9)
    ports = [port for gpu in wired.gpus for port in wired.ports_of(gpu)]
    assert len(set(ports)) == gpus * wired.plan.links_per_gpu
    for gpu in wired.gpus[::7]:
        assert [wired.peer_of(port) for port in wired.ports_of(gpu)] == [(gpu, n) for n in range(18)]
    assert not wired.plan.confirmed


def test_the_arithmetic_of_a_rack() -> None:
    wired = wiring("gb200-nvl72")
    assert wired.peer_of(Place(f"{RACK}/u19/acp1")) == (Place(f"{RACK}/u11/gpu0"), 0)
    assert wired.peer_of(Place(f"{RACK}/u27/acp144")) == (Place(f"{RACK}/u37/gpu3"), 17)
    assert wired.managers == {Place(f"{RACK}/u19")}


@pytest.mark.parametrize("port", ["u19/acp0", "u19/acp145", "u19/sw1p1s1", "u11/acp1", "u19/eth0", "u19/acp99999"])
def test_what_is_no_access_port_leads_to_no_gpu(port: str) -> None:
    assert wiring("gb200-nvl72").peer_of(Place(f"{RACK}/{port}")) is None
