"""What goes wrong in one run, drawn from its seed: every fault with its time, before the run begins."""

import random
from dataclasses import dataclass

from firmware_bridge.vocabulary.place import Place
from support.simulation.rack import SimRack

FAULTS_END_S = 45.0
KINDS = {  # how often each is drawn
    "leak": 5,
    "flap": 3,
    "moist": 2,
    "open": 2,
    "silent": 4,
    "flow_lost": 1,
    "unit_silent": 1,
    "full": 2,
    "kill": 5,
    "kill_at_point": 5,
    "succeed": 2,
    "clock": 2,
    "clear": 6,
    "clear_badly": 2,
    "operate": 6,
    "energise": 6,
    "mains": 1,
    "lock": 3,
    "button": 3,
    "emergency": 1,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that happens: `tray` where it is at one, `span` for how long or how far, in s."""

    at: float
    what: str
    tray: Place
    span: float


MORE = ("isolate", "warm", "push")
"""What happens in one run of four besides, drawn from dice of its own: all other runs stay as they are."""
COOL = ("coolant_stop", "coolant_stop", "coolant_stop", "coolant_start", "coolant_cycle", "coolant_despite")
BESIDE = ("energise", "energise", "button", "leak", "clear", "kill_at_point", "kill", "unit_silent", "full", "succeed")
"""What happens to the coolant unit in another run of four, and what it meets there.  In half of them all trays are off
at first, so that it may be stopped."""
BOUT = ("energise", "leak", "leak", "clear", "energise", "kill", "kill", "succeed", "mains", "silent", "open", "full")
"""What meets in every order, mostly at one tray: each bout has some of these, a few seconds apart."""


def write_script(rng: random.Random, rack: SimRack, seed: int) -> list[Fault]:
    """Return the run's faults in the order of their times.  They crowd on few trays, so that they meet."""
    crowd = rng.sample(sorted(rack.trays), 4)
    chosen = rng.choices(list(KINDS), list(KINDS.values()), k=rng.randint(4, 12))
    faults = [
        Fault(rng.uniform(4.0, FAULTS_END_S - 12), what, rng.choice(crowd), rng.uniform(2.0, 12.0)) for what in chosen
    ]
    for _ in range(rng.choice((0, 1, 1, 2))):
        tray, at = rng.choice(crowd), rng.uniform(4.0, FAULTS_END_S - 25)
        for what in rng.sample(BOUT, rng.randint(3, 5)):
            where = rng.choice(crowd) if rng.random() < 0.3 else tray
            faults.append(Fault(at, what, where, rng.uniform(2.0, 8.0)))
            at += rng.uniform(0.1, 5.0)
    if seed % 4 == 3:
        dice = random.Random(f"more {seed}")
        faults += [
            Fault(dice.uniform(4.0, FAULTS_END_S - 20), what, crowd[0], dice.uniform(8.0, 18.0))
            for what in dice.sample(MORE, dice.randint(1, len(MORE)))
        ]
    if seed % 4 == 1:
        dice = random.Random(f"unit {seed}")
        if seed % 8 == 1:
            faults = [Fault(3.5, "all_off", crowd[0], 1.0)]
        at = dice.uniform(4.0, 10.0)
        for what in (dice.choice(COOL), *dice.sample(BESIDE, dice.randint(1, 3)), dice.choice(COOL)):
            faults.append(Fault(at, what, dice.choice(crowd), dice.uniform(4.0, 16.0)))
            at += dice.uniform(0.2, 9.0)
    return sorted(faults, key=lambda fault: fault.at)
