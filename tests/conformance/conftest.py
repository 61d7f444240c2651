"""One small hall of two designs for every validator of our own service."""

from collections.abc import Iterator

import pytest
from support.product import Product
from support.settled import settle
from support.small_hall import RACKS, write
from support.validators import PEERS


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    if not (PEERS / "rf_service_validator").exists():
        pytest.skip("needs .venv-peers: run `make conformance`")
    product = Product(tmp_path_factory.mktemp("hall") / "state")
    write(product.state / "generations")
    product.options = ["--racks", RACKS]
    product.start()
    settle(product)
    _subscribe(product)
    yield product
    product.stop()


def _subscribe(product: Product) -> None:
    """Leave a subscription for the validators to look at, suspended, so that nothing is sent anywhere."""
    wish = {"Protocol": "Redfish", "Destination": "https://192.0.2.9/", "Context": "seen", "Severities": ["Critical"]}
    made = product.ask("POST", "/redfish/v1/EventService/Subscriptions", wish)["@odata.id"]
    product.ask("POST", f"{made}/Actions/EventDestination.SuspendSubscription", {})
