"""Properties are checked on the same examples every time, whatever the machine's mood: a flake would be a bug."""

import gc
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("rackwright", derandomize=True, deadline=None, database=None)
settings.load_profile("rackwright")
gc.set_threshold(20_000, 20, 20)  # thousands of tests as objects: each look through all of them takes a second


def pytest_collection_finish() -> None:
    """Never look for garbage in what was collected: it stays to the end."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules whose tests may take longest: one that begins last would be waited for alone."""
    longest: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), float(mark.args[0]) if mark else 0.0)
    items.sort(key=lambda item: -longest[item.path])
