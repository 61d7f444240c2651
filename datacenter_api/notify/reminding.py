"""Which days that come somebody is to be reminded of, from what they were reminded of last.  Pure.

A day is told at each of `REMIND_DAYS` before it, once; what was missed meanwhile is told as it is now, once.
"""

from collections.abc import Collection, Iterable, Sequence

from rack_controller.prove.option import REMIND_DAYS, Reminder

Key = str


def key_of(reminder: Reminder) -> Key:
    """Return what makes it the same reminder: decision, what ends, its day, and how close that is by now."""
    near = min((d for d in REMIND_DAYS if d >= reminder.days_left), default=max(REMIND_DAYS))
    return f"{reminder.name}|{reminder.what}|{reminder.on.isoformat()}|{near}"


def due(reminders: Iterable[Reminder], told: Collection[Key]) -> list[Reminder]:
    """Return what is to be told, the nearest day first."""
    return sorted((r for r in reminders if key_of(r) not in told), key=lambda r: (r.on, r.name, r.what))


def after(told: Collection[Key], delivered: Sequence[Reminder], standing: Sequence[Reminder]) -> list[Key]:
    """Return what somebody knows once `delivered` arrived; days that are over or were moved are forgotten."""
    live = {f"{r.name}|{r.what}|{r.on.isoformat()}|" for r in standing}
    known = {*told, *(key_of(r) for r in delivered)}
    return sorted(k for k in known if k.rpartition("|")[0] + "|" in live)


def subject_of_reminders(site: str, batch: Sequence[Reminder]) -> str:
    """Return reminders in one line: the nearest, and how many more."""
    more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
    return f"[{site}] decision {batch[0].name}: {_in_days(batch[0])}{more}"


def lines_of_reminders(batch: Sequence[Reminder]) -> str:
    """Return reminders as plain text for a mail."""
    rows = [f"{r.on.isoformat()}, {_in_days(r)}: decision {r.name}: {r.what}\n" for r in batch]
    return "".join(rows) + "\nrackwright option show NAME tells what was measured and what is due.\n"


def _in_days(reminder: Reminder) -> str:
    if reminder.days_left == 0:
        return "ends today"
    return f"{reminder.days_left} {'day' if reminder.days_left == 1 else 'days'} left"
