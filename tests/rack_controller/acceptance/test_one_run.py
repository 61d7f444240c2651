"""One rack is under one run at a time: a second one is refused with the first, and a cut one is given up by name."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from support.sealed_runs import sealed_run
from support.together import GENERATION, PLAN, RACKS

from firmware_bridge.vocabulary.errors import ConfigurationError, PreconditionFailed, RackTaken
from rack_controller.acceptance import one_run
from rack_controller.acceptance.begin import Wish, begin, begin_together
from rack_controller.acceptance.give_up import give_up
from rack_controller.acceptance.launch import held, unfinished
from rack_controller.acceptance.left_out import left_out
from rack_controller.acceptance.one_run import at_work, holding, refuse_others
from rack_controller.acceptance.progress import Progress, tell
from rack_controller.acceptance.rig import Act
from rack_controller.acceptance.run import RunFolder, runs_in
from rack_controller.acceptance.runner import main
from rack_controller.acceptance.undo import UndoBook
from rack_controller.acceptance.virtual_run import resume
from rack_controller.prove.accept.verdict import Outcome

K01, K02 = RACKS


def alone(state: Path, rack: str = K01, actor: str = "ada") -> RunFolder:
    return begin(Wish(GENERATION, "L11", rack=rack, plan_text=PLAN), state, "test", actor)


def both(state: Path) -> list[RunFolder]:
    return begin_together(Wish(GENERATION, "L12", plan_text=PLAN), RACKS, state, "test", "tom")


def aged(folder: RunFolder, began_unix_ns: int = 1) -> RunFolder:
    """Return a run as if it had been begun long ago: no process is about to have it."""
    folder.write(msgspec.structs.replace(folder.read(), began_unix_ns=began_unix_ns))
    return folder


def ended(folder: RunFolder) -> None:
    folder.write(msgspec.structs.replace(folder.read(), outcome=Outcome.PASS))


def test_a_second_run_is_refused_with_the_first_who_began_it_and_how_it_ends(tmp_path: Path) -> None:
    first = alone(tmp_path)
    with held(first.path):
        tell(first.path, Progress("flow", "Flow", "full", 1, None, "12 s of full", 0.352))
        (holder,) = holding(tmp_path, RACKS)
        with pytest.raises(RackTaken, match=f"{K01} is under run {first.path.name}, begun by ada") as told:
            alone(tmp_path, actor="tom")
    assert (holder.rack, holder.run, holder.running, holder.share) == (K01, first.path.name, True, 0.352)
    assert holder.what.endswith("; it is at flow, 35% of the run")
    assert str(told.value) == f"{holder.what}: {holder.advice}"
    assert (told.value.rack, told.value.run) == (K01, first.path.name)
    assert f"`rackwright accept stop {first.path.name}`" in told.value.advice
    with pytest.raises(RackTaken):
        both(tmp_path)
    assert [f.path for f in runs_in(tmp_path)] == [first.path], "nothing else was begun"
    alone(tmp_path, K02)
    begin(Wish(GENERATION, "L10", plan_text=PLAN), tmp_path, "test", "tom")  # a virtual one is nobody's business
    ended(first)
    alone(tmp_path)


def test_racks_together_have_each_of_them(tmp_path: Path) -> None:
    first, second = both(tmp_path)
    with pytest.raises(RackTaken, match=second.path.name):
        alone(tmp_path, K02)
    ended(second)
    alone(tmp_path, K02)
    with pytest.raises(RackTaken, match=first.path.name):
        alone(tmp_path, K01)


def test_a_run_without_a_process_says_so_and_what_can_be_done(tmp_path: Path) -> None:
    first = aged(alone(tmp_path))
    with pytest.raises(RackTaken, match="has not ended and has no process now") as told:
        alone(tmp_path)
    run = first.path.name
    assert all(f"{words} {run}`" in told.value.advice for words in ("accept run --resume", "accept stop"))
    assert f"accept stop {run} --give-up`" in told.value.advice


def test_of_many_that_begin_at_one_moment_one_does(tmp_path: Path) -> None:
    many = 8
    barrier = threading.Barrier(many)

    def try_it(number: int) -> str:
        barrier.wait(30)
        try:
            return both(tmp_path)[0].path.name if number % 2 else alone(tmp_path).path.name
        except RackTaken:
            return ""

    with ThreadPoolExecutor(many) as threads:
        (won,) = filter(None, threads.map(try_it, range(many)))
    assert {next(iter(f.read().together), f.path.name) for f in runs_in(tmp_path)} == {won}


def test_one_process_at_a_time_works_on_a_rack_whichever_run_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = aged(alone(tmp_path))
    record = older.read()
    newer = _copied(older, "k01-newer", 2)
    with held(newer.path), at_work(tmp_path, "k01-newer", [K01], pytest.fail):
        with pytest.raises(RackTaken, match="k01-newer"), at_work(tmp_path, record.id, [K02, K01], pytest.fail):
            pass
        with pytest.raises(RackTaken, match="k01-newer"):
            refuse_others(tmp_path, older)
        assert main([str(tmp_path), record.id]) == RackTaken.exit_code
        assert f"{K01} is under run k01-newer" in capsys.readouterr().err
        assert unfinished(tmp_path) == []
    refuse_others(tmp_path, older)
    assert [f.path.name for f in unfinished(tmp_path)] == ["k01-newer"], "of two that were cut the newest goes on"


def _copied(folder: RunFolder, run: str, began_unix_ns: int) -> RunFolder:
    """Return another unfinished run of the same rack, as an older version could have begun it."""
    other = RunFolder(folder.path.with_name(run))
    other.write(msgspec.structs.replace(folder.read(), id=run, began_unix_ns=began_unix_ns))
    return other


def test_a_run_that_is_being_sealed_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_run, "LOOKS_EVERY_S", 0.01)
    sealing, said, let_go = sealed_run(tmp_path, K01), list[str](), threading.Event()
    has = threading.Event()

    def seal() -> None:
        with at_work(tmp_path, sealing.path.name, [K01], pytest.fail):
            has.set()
            let_go.wait(30)

    def waits(text: str) -> None:
        said.append(text)
        let_go.set()

    other = threading.Thread(target=seal)
    other.start()
    assert has.wait(30)
    with at_work(tmp_path, "next", [K01], waits):
        assert said == [f"waits for run {sealing.path.name}, which is being sealed, to let go of {K01}"]
    other.join(30)


def test_what_is_given_up_is_stopped_sealed_and_says_what_nobody_puts_back(tmp_path: Path) -> None:
    first, second = both(tmp_path)
    UndoBook(second.path).owe(Act("restore", "u06/psu3"))
    with held(first.path), pytest.raises(PreconditionFailed, match="a process has run"):
        give_up(second, tmp_path, "ada", "sold")
    assert first.read().outcome is second.read().outcome is None
    give_up(second, tmp_path, "ada", "sold")
    assert first.read().outcome is second.read().outcome is Outcome.STOPPED
    assert second.read().why == (
        "given up by ada: sold; the rack was not put back to rest, and this is still to be done: restore u06/psu3"
    )
    assert "its load and limits may still be the run's" in first.read().why
    assert unfinished(tmp_path) == []
    racks = [folder.read().rack for folder in (first, second)]
    (left,) = left_out(tmp_path, racks)
    run = second.path.name
    assert (left.rack, left.run) == (racks[1], run)
    assert left.what == f"run {run} ended and left this to be done at {racks[1]}: restore u06/psu3"
    (second.path / "undo.json").write_text("{")
    assert "cannot be read" in left_out(tmp_path, racks)[0].what
    alone(tmp_path)


def test_a_live_run_is_not_gone_on_with_as_a_virtual_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="of a rack that runs"):
        resume(alone(tmp_path), tmp_path, lambda step, rack: None)
