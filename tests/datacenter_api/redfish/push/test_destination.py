"""A Destination is read in one way only."""

import pytest

from datacenter_api.redfish.push.destination import Destination, read_destination
from firmware_bridge.redfish_service.messages import RequestRefused


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("https://events.example/a?b=c", Destination("https", "events.example", 443, "/a?b=c")),
        ("HTTP://10.0.0.7:8080", Destination("http", "10.0.0.7", 8080, "/")),
        ("https://[2001:db8::7]:444/x", Destination("https", "2001:db8::7", 444, "/x")),
        ("https://events.example./", Destination("https", "events.example", 443, "/")),
    ],
)
def test_a_url_says_where_to_post(text: str, read: Destination) -> None:
    assert read_destination(text) == read
    assert read.authority in text.lower().replace("./", "/")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "events.example",
        "ftp://events.example/",
        "file:///etc/passwd",
        "https://user:secret@events.example/",
        "https://10.0.0.1@169.254.169.254/",
        "https://events.example/#part",
        "https://events.example:0/",
        "https://events.example:70000/",
        "https://events.example:x/",
        "https:///path",
        "https://0177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://ex ample/",
        "https://example/\r\nX: y",
        "https://exa\\mple/",
        "https://\u24d4xample.com/",
        "https://-x.example/",
        "https://" + "x" * 3000,
    ],
)
def test_what_could_mean_two_things_is_refused(text: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        read_destination(text)
    assert refused.value.message == "PropertyValueFormatError"
    assert "secret" not in str(refused.value)
