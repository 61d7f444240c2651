"""What followed from a cause, told as one line: at work, in shadow, and after a restart."""

from firmware_bridge.vocabulary.units import Seconds
from rack_controller.decide.interlock import Order, Standing
from rack_controller.model.interlock import Act
from rack_controller.model.latch import Evidence, Latch
from rack_controller.run.guard.trail import Fate, Trail
from tests.support.interlocked import RACK, InterlockedRack, seeded_policy

ROWS = {row.cause: row for row in seeded_policy().rows}
RIG = InterlockedRack()
U31 = RIG.place("u31")
WET = tuple(RIG.place(u) for u in ("u31", "u30", "u29", "u28"))


def leak(cause: str = "leak.critical", place: str = U31) -> Standing:
    return Standing(cause, place, Seconds(1), "leak1 is critical", tripped_at=Seconds(1))  # type: ignore[arg-type]


def struck(trail: Trail, standing: Standing, act: Act, *targets: str) -> None:
    trail.note(Order(act, standing.cause, standing.place, targets, "why"), Fate.TAKEN)  # type: ignore[arg-type]


def test_a_cause_stands_with_what_followed_and_a_repeated_order_once() -> None:
    trail, standing = Trail(), leak()
    trail.begin(standing.key, 5)
    struck(trail, standing, Act.FORCE_OFF, *WET)
    struck(trail, standing, Act.FORCE_OFF, WET[2])
    struck(trail, standing, Act.AUX_OFF, U31)
    latch = Latch("k01-l1", standing.cause, U31, "Leak", 7, [Evidence(U31, "x")])
    (view,) = trail.tripped([(standing, ROWS[standing.cause])], [latch], armed=True)
    assert view.chain == (
        "Leak at u31: leak1 is critical → u31, u30, u29, u28 off; u31 auxiliary power off; latched k01-l1"
    )
    assert (view.since_unix_ns, view.latch) == (7, "k01-l1")
    (view,) = trail.tripped([(standing, ROWS[standing.cause])], [latch], armed=False)
    assert "→ would: u31, u30" in view.chain
    assert view.chain.endswith("would latch as k01-l1")


def test_what_tripped_first_stands_first_and_what_is_not_confirmed_not_at_all() -> None:
    trail, first, then = Trail(), leak(place=RIG.place("u20")), leak("leak.two_trays", RACK)
    waits = Standing("sensor.faulty", RIG.place("u12"), Seconds(1), "silent")
    trail.begin(then.key, 9)
    trail.begin(first.key, 8)
    views = trail.tripped([(s, ROWS[s.cause]) for s in (then, first, waits)], [], armed=True)
    assert [v.cause for v in views] == ["leak.critical", "leak.two_trays"]
    struck(trail, then, Act.FORCE_OFF, *(RIG.place(f"u{n}") for n in range(11, 20)))
    assert trail.did(then.key) == ["9 trays off"]
    trail.forget(then.key)
    assert trail.did(then.key) == []


def test_only_what_was_taken_is_told_as_done() -> None:
    trail, standing = Trail(), leak()
    off, aux = (Order(act, standing.cause, U31, WET, "why") for act in (Act.FORCE_OFF, Act.AUX_OFF))  # type: ignore[arg-type]
    for order in (off, aux):
        trail.note(order, Fate.ASKED)
    assert trail.did(standing.key)[0] == "u31, u30, u29, u28 off asked"
    trail.learn(off, {WET[0]: (Fate.TAKEN, ""), WET[2]: (Fate.FAILED, "no route")})
    trail.learn(aux, dict.fromkeys(WET, (Fate.SPARED, "")))
    told = ["u31 off", "u30, u28 off asked", "u29 off failed: no route"]
    assert trail.did(standing.key) == told, "what is not offered did not follow"
    trail.note(off, Fate.ASKED)
    assert trail.did(standing.key) == told, "asked once more, the last answer stands"
    trail.forget(standing.key)
    trail.learn(off, {WET[0]: (Fate.TAKEN, "")})
    assert trail.did(standing.key) == [], "an answer that comes after its row is over belongs to nobody"
