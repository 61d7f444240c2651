"""A live rig on a scripted product: people are asked, waited for, and not for ever."""

from dataclasses import dataclass, field

from firmware_bridge.generations.load import load_generation
from firmware_bridge.plant.design import design_of
from rack_controller.acceptance.live import Facts, Hands, LiveRig, Read
from rack_controller.acceptance.rig import Act
from rack_controller.prove.accept.evidence import Phase
from rack_controller.prove.accept.parts import parts_of


@dataclass
class Script:
    """A product whose supply u06/psu0 is pulled two looks after somebody was asked to, if anybody obeys."""

    obeys: bool = True
    asked: list[str] = field(default_factory=list)
    looks: int = 0
    now: float = 0.0

    def tell(self, text: str) -> None:
        self.asked.append(text)
        self.looks = 0

    def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.01)

    def readings(self) -> list[Read]:
        self.looks += 1
        pulled = self.obeys and bool(self.asked) and self.asked[-1].startswith("pull") and self.looks > 2
        psus = [Read(f"u06/psu{n}", "power", 0.0 if pulled and n == 0 else 2400.0, "W") for n in range(6)]
        return [*psus, Read("u15/leak1", "leak", None, "code"), Read("somewhere/else", "power", 1.0, "W")]

    def facts(self) -> Facts:
        return {"u06/psu0": {"serial": "S1"}}

    def built(self) -> Facts:
        return {}


def rig_of(script: Script) -> LiveRig:
    generation = load_generation("gb200-nvl72")
    hands = Hands(script.tell, script.sleep, lambda: script.now, patience_s=30.0)
    return LiveRig("k01", parts_of(generation, design_of(generation)), script, hands)


def test_it_goes_on_when_what_people_did_shows_and_has_it_undone() -> None:
    script = Script()
    rig = rig_of(script)
    rig.act(Act("pull", "u06/psu0"))
    assert script.now < 5.0
    rig.run(4.0, 1.0, frozenset({"psu", "leak"}))
    (evidence,) = rig.collect((Phase("pulled", 0.0, 0.0, 99.0, "u06/psu0"),))
    power = evidence.series["psu.power"]
    assert power.values[:, power.index("u06/psu0")].max() == 0.0
    assert power.values[:, power.index("u06/psu1")].min() == 2400.0
    assert set(evidence.series) == {"psu.power", "leak.state"}  # what is at no place of the rack is nobody's
    assert evidence.serial("u06/psu0") == "S1"
    rig.act(Act("rest"))
    assert script.asked == ["pull u06/psu0, or switch it off", "put u06/psu0 back, or switch it on"]


def test_nobody_is_waited_for_for_ever() -> None:
    script = Script(obeys=False)
    rig_of(script).act(Act("pull", "u06/psu0"))
    assert 30.0 <= script.now < 32.0
    assert "nothing was seen" in script.asked[-1]


def test_what_people_cannot_be_asked_for_it_cannot() -> None:
    rig = rig_of(Script())
    assert rig.can("wet")
    assert not rig.can("cap")
