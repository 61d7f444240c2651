"""One running product shared by the stories that only look; stories that break things start their own.

Its rack has a few trays: a story that is about a whole one says so.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import few_trays
from support.product import Product

TRACE = """t_s,node1_W,node2_W
0,3000,3000
20,3000,3000
21,9500,9500
3600,9500,9500
"""


def few(state: Path) -> Product:
    """Return a product, not started yet, of one rack with a few trays."""
    few_trays.write(state)
    return Product(state, ["--racks", few_trays.FEW])


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = few(tmp_path_factory.mktemp("product") / "state")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_product(tmp_path: Path) -> Iterator[Product]:
    """Not started yet; stopped in any case."""
    running = few(tmp_path / "state")
    yield running
    if running.process is not None and running.process.poll() is None:
        running.stop()
