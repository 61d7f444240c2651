"""One running product for every module of this folder: a start costs more than most of their stories.

Each module leaves the rack on, reachable and without faults.  Only the last one by name need not.
"""

from collections.abc import Iterator

import pytest
from support.few_trays import few
from support.product import Product


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = few(tmp_path_factory.mktemp("one_rack") / "state")
    running.start()
    yield running
    running.stop()
