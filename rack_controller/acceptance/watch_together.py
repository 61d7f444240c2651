"""Who looks on while racks are accepted together: each rack's folder is told what is asked there and waited for
elsewhere, and a word in any of them ends the run of all."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rack_controller.acceptance.watch import FolderWatch
from rack_controller.prove.accept.plan import StepSpec


class TogetherWatch:
    """The folders of racks that are accepted together, each under the name of its rack."""

    def __init__(self, folders: Mapping[str, FolderWatch]) -> None:
        self._folders = dict(folders)
        self._asking: set[str] = set()
        self._interrupted = False
        self._why = ""
        self._lock = threading.Lock()  # racks are waited for side by side, and one file is written by one at a time

    def of(self, rack: str) -> "RackWatch":
        """Return what one of the racks tells."""
        return RackWatch(self, rack)

    def begin(self, step: StepSpec) -> None:
        """Tell every folder that a step begins."""
        with self._lock:
            self._asking.clear()
            for folder in self._folders.values():
                folder.begin(step)

    def phase(self, name: str, place: str, seconds: float) -> None:
        """Tell every folder that a stretch begins."""
        with self._lock:
            self._asking.clear()
            for folder in self._folders.values():
                folder.phase(name, place, seconds)

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Tell every folder what is waited for."""
        with self._lock:
            for folder in self._folders.values():
                folder.waits(waits_for, asks=asks, within_s=within_s)

    def end(self) -> None:
        """Tell every folder that no step runs."""
        with self._lock:
            for folder in self._folders.values():
                folder.end()

    def ends(self, why: str) -> None:
        """What was read at one rack ends the run of all: the first that does is why."""
        with self._lock:
            self._why = self._why or why

    def stop(self) -> str:
        """Return why the run of all is to end: what was read, else as the first folder has it."""
        if self._interrupted:
            return "the run's process was told to end"
        return self._why or next((why for folder in self._folders.values() if (why := folder.stop())), "")

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Have nobody be waited for meanwhile: the process ends."""
        self._interrupted = True
        try:
            yield
        finally:
            self._interrupted = False

    def waits_at(self, rack: str, waits_for: str, asks: str, within_s: float | None) -> None:
        """Tell a rack's folder what is waited for there, and the others, where nobody is asked, that it is there."""
        with self._lock:
            self._asking |= {rack} if asks else set()
            self._folders[rack].waits(waits_for, asks=asks, within_s=within_s)
            elsewhere = f"{_leaf(rack)}: {'people there are asked' if asks else waits_for}"
            for name, folder in self._folders.items():
                if name != rack and name not in self._asking:
                    folder.waits(elsewhere)

    def done_at(self, rack: str) -> None:
        """Tell a rack's folder that what was asked there is done, and that the others are waited for."""
        with self._lock:
            if rack in self._asking:
                self._asking.discard(rack)
                self._folders[rack].waits("the other racks")


class RackWatch:
    """What one of the racks tells; satisfies the port `Watch`."""

    def __init__(self, all_of_them: TogetherWatch, rack: str) -> None:
        self._all, self._rack = all_of_them, rack

    def begin(self, step: StepSpec) -> None:
        """Steps begin for all racks alike."""
        self._all.begin(step)

    def phase(self, name: str, place: str, seconds: float) -> None:
        """Phases begin for all racks alike."""
        self._all.phase(name, place, seconds)

    def waits(self, waits_for: str, *, asks: str = "", within_s: float | None = None) -> None:
        """Tell what is waited for at this rack."""
        self._all.waits_at(self._rack, waits_for, asks, within_s)

    def end(self) -> None:
        """Steps end for all racks alike."""
        self._all.end()

    def ends(self, why: str) -> None:
        """What was read at this rack ends the run of all."""
        self._all.ends(f"{why} in {self._rack}")

    def stop(self) -> str:
        """Return why the run of all is to end."""
        return self._all.stop()


def _leaf(rack: str) -> str:
    return rack.rpartition("/")[2]
