"""One effect: a change to a device that must happen once.  The ledger keeps each from before its request is sent."""

from enum import StrEnum

import msgspec

from rack_controller.model.lease import Facet


class EffectState(StrEnum):
    """`intent`: written down, the request may go out.  `sent`: it went out, and no answer came.  `answered`: the device
    took it.  Ends: `observed`, what it asks for was seen; `unseen`, it was not in time; `refused`, the device said no;
    `unsent`, the device never got it; `held`, none of these can be told: a person looks."""

    INTENT = "intent"
    SENT = "sent"
    ANSWERED = "answered"
    OBSERVED = "observed"
    UNSEEN = "unseen"
    REFUSED = "refused"
    UNSENT = "unsent"
    HELD = "held"


OPEN = frozenset({EffectState.INTENT, EffectState.SENT, EffectState.ANSWERED})
MOVES: dict[EffectState, frozenset[EffectState]] = {
    EffectState.INTENT: frozenset(EffectState) - {EffectState.INTENT},
    EffectState.SENT: frozenset(EffectState) - {EffectState.INTENT, EffectState.SENT, EffectState.ANSWERED},
    EffectState.ANSWERED: frozenset({EffectState.OBSERVED, EffectState.UNSEEN, EffectState.HELD}),
    EffectState.HELD: frozenset({EffectState.OBSERVED, EffectState.UNSEEN, EffectState.UNSENT}),
    EffectState.OBSERVED: frozenset(),
    EffectState.UNSEEN: frozenset(),
    EffectState.REFUSED: frozenset(),
    EffectState.UNSENT: frozenset(),
}


class Before(msgspec.Struct, frozen=True, omit_defaults=True):
    """How the device stood just before the intent.  The markers change with every start
    of the host and of its controller; empty: not said.

    Before firmware is pushed: which `version` ran, and which updates (`tasks`) the device remembered.
    """

    power: str
    depth: str = ""
    marker: str = ""
    controller_marker: str = ""
    version: str = ""
    tasks: list[str] = []


class Effect(msgspec.Struct, frozen=True):
    """One row of the ledger.  `key` names what it is for (operation, step, act), `attempt` counts from 1.

    `epoch` is the controller that wrote the intent.  `detail` says in words what the device answered or showed.
    """

    key: str
    attempt: int
    operation: str
    endpoint: str
    facet: Facet
    action: str
    state: EffectState
    epoch: int
    intent_unix_ns: int
    before: Before
    status: int = 0
    task: str = ""
    detail: str = ""

    @property
    def id(self) -> str:
        """Return the row's name."""
        return f"{self.key}#{self.attempt}"

    @property
    def is_open(self) -> bool:
        """Return whether it is not known yet how it ended."""
        return self.state in OPEN


def moved(effect: Effect, state: EffectState, detail: str = "", status: int = 0, task: str = "") -> Effect:
    """Return the effect in its next state.  Raises ValueError for a move that tells an impossible story."""
    if state not in MOVES[effect.state]:
        raise ValueError(f"effect {effect.id} cannot go from {effect.state} to {state}")
    return msgspec.structs.replace(
        effect,
        state=state,
        detail=detail or effect.detail,
        status=status or effect.status,
        task=task or effect.task,
    )
