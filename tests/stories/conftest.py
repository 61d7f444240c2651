"""A running product for the stories of a module, and one that is a story's own, to be broken.

Their rack has a few trays: a story that is about a whole one says so.  Stories that leave a rack as they found it share
one in `one_rack`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.few_trays import few
from support.product import Product


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
