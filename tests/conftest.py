"""Properties are checked on the same examples every time, whatever the machine's mood: a flake would be a bug."""

import gc
from functools import cached_property
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

CHAINS = 2
"""How many whole products run at once."""
PRODUCTS = ("tests/stories/", "tests/browser/")
"""Whose modules start whole products; those of a folder below share one."""

settings.register_profile("rackwright", derandomize=True, deadline=None, database=None)
settings.load_profile("rackwright")
gc.set_threshold(20_000, 20, 20)  # thousands of tests as objects: each look through all of them takes a second


def pytest_collection_finish() -> None:
    """Never look for garbage in what was collected: it stays to the end."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules whose tests may take longest: one that begins last would be waited for alone."""
    longest: dict[str, float] = {}
    for item in items:
        mark, together = item.get_closest_marker("timeout"), shared(item.nodeid)
        longest[together] = max(longest.get(together, 0.0), float(mark.args[0]) if mark else 0.0)
    items.sort(key=lambda item: -longest[shared(item.nodeid)])


def shared(nodeid: str) -> str:
    """Return the folder of a module whose product is its folder's, else the module: what is run in one go."""
    module = nodeid.split("::", 1)[0]
    folder = module.rpartition("/")[0]
    return folder if folder.startswith(PRODUCTS) else module


class Chains(LoadFileScheduling):
    """Modules go to whichever worker is free; those that start whole products are strung on two chains.

    A product is a core's work: three at once on two cores, and each is too late for what its story waits for.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = super()._split_scope(nodeid)
        return self.chains.get(module, module)

    @cached_property
    def chains(self) -> dict[str, str]:
        """Return the chain of every module that starts products, in the order of the collection."""
        modules = {n.split("::", 1)[0]: shared(n) for n in self.collection if n.startswith(PRODUCTS)}
        links = {together: f"products {n % CHAINS}" for n, together in enumerate(dict.fromkeys(modules.values()))}
        return {module: links[together] for module, together in modules.items()}


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Chains:
    """Return who hands out modules (`-n`)."""
    return Chains(config, log)
