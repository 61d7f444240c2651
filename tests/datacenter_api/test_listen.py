"""`HOST:PORT` is read the same way for `up`, `serve` and `doctor`."""

import pytest

from datacenter_api.listen import Listen, parse_listen
from firmware_bridge.vocabulary.errors import ConfigurationError


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:65536", "host:99999999999999999999", "host:x", "host:-1", "h:²"]
)
def test_a_bad_one_is_named_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not HOST:PORT: for example --listen 127\.0\.0\.1:8443"):
        parse_listen(text)


def test_addresses() -> None:
    assert parse_listen("[::1]:8443") == Listen("::1", 8443)
    assert parse_listen("[::1]:8443").url == "https://[::1]:8443"
    assert str(parse_listen(":8443")) == "127.0.0.1:8443"
    assert parse_listen("h:65535").port == 65_535
