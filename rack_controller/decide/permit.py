"""Whether enough is known of a tray to switch it on.  Pure.  What runs may go on unseen; nothing begins unseen."""

from firmware_bridge.vocabulary.place import Place, leaf_of
from rack_controller.decide.detectors import Verdict
from rack_controller.decide.picture import Picture


def why_unseen(picture: Picture | None, tray: Place) -> str:
    """Return why nobody knows that `tray` is dry, in operator's words; empty when every detector it has says so.

    A tray of a kind that no interlock watches (a shelf, a coolant unit) has nothing to prove.
    """
    if picture is None:
        return "nothing of the rack has been seen yet"
    sight = picture.tray(tray)
    if sight is None:
        return ""
    if not sight.met:
        return f"{leaf_of(tray)} has not been met yet: nobody knows whether it is dry"
    if not sight.answers:
        return f"the controller of {leaf_of(tray)} does not answer: nobody knows whether it is dry"
    if len(sight.detectors) < sight.planned:
        return f"{len(sight.detectors)} of {sight.planned} leak detectors of {leaf_of(tray)} are there"
    doubtful = [d for d in sight.detectors if d.verdict is not Verdict.DRY]
    return ", ".join(f"{leaf_of(d.place)} of {leaf_of(tray)} is {d.verdict}" for d in doubtful)
