"""Is an endpoint set as its generation wants it?  Pure: what was found and what is wanted in, judgements out."""

import datetime
from collections.abc import Iterable, Sequence

from firmware_bridge.vocabulary.settings import Examination, Found, Scalar, Setting, SettingKind
from rack_controller.model.readiness import Judgement, Verdict

_NOT_SAID = "not said"


def judge_settings(settings: Iterable[Setting], examined: Examination) -> list[Judgement]:
    """Return a judgement for each setting.  What the endpoint does not say is unknown, never right or wrong."""
    return [_judge(setting, examined.found.get(setting.name, ())) for setting in settings]


def _judge(setting: Setting, found: Sequence[Found]) -> Judgement:
    wrong = [f for f in found if not is_right(setting, f)]
    doubtful = [f for f in wrong if _in_doubt(setting, f)]
    if not found:
        verdict, why = Verdict.UNKNOWN, "the endpoint does not say"
    elif len(wrong) > len(doubtful):
        verdict, why = Verdict.DIFFERS, ""
    elif doubtful:
        verdict, why = Verdict.UNKNOWN, "the answer took too long to tell"
    else:
        verdict, why = Verdict.OK, ""
    shown = wrong or list(found)
    return Judgement(
        name=setting.name,
        title=setting.title,
        found=", ".join(dict.fromkeys(_said(setting, f) for f in shown)) or _NOT_SAID,
        wanted=wanted_text(setting),
        verdict=verdict,
        required=setting.required,
        where=f"{shown[0].uri}#{shown[0].pointer}" if shown else setting.read[0],
        why=why,
        source=setting.source,
        confirmed=setting.confirmed,
        fixable=setting.fix,
    )


def is_right(setting: Setting, found: Found) -> bool:
    """Tell whether one property is as it is wanted."""
    if setting.kind is SettingKind.CLOCK:
        return setting.most_s is not None and _number(found.value) is not None and abs(_off(found)) <= setting.most_s
    return any(_same(found.value, wanted) for wanted in setting.wanted)


def _in_doubt(setting: Setting, found: Found) -> bool:
    """Tell whether a clock that looks wrong may still be right: it is off by no more than the look itself took."""
    return setting.kind is SettingKind.CLOCK and abs(_off(found)) - found.doubt_s <= (setting.most_s or 0.0)


def _off(found: Found) -> float:
    return _number(found.value) or 0.0


def _number(value: Scalar) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _same(found: Scalar, wanted: Scalar) -> bool:
    """Compare values; text without regard to case, true and 1 apart."""
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    return type(found) is type(wanted) and found == wanted


def _said(setting: Setting, found: Found) -> str:
    if setting.kind is SettingKind.CLOCK:
        return f"{_off(found):+.1f} s"
    return text_of(found.value)


def wanted_text(setting: Setting) -> str:
    """Return what is wanted in an operator's words."""
    if setting.kind is SettingKind.CLOCK:
        return f"within {setting.most_s:g} s"
    return " or ".join(text_of(value) for value in setting.wanted)


def text_of(value: Scalar) -> str:
    """Return a value as people read it."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def value_to_write(setting: Setting, unix_ns: int) -> Scalar:
    """Return what makes a setting right: the first value that is wanted; for a clock our own time in UTC."""
    if setting.kind is SettingKind.CLOCK:
        now = datetime.datetime.fromtimestamp(unix_ns / 1e9, datetime.UTC)
        return now.isoformat(timespec="seconds")
    return setting.wanted[0]
