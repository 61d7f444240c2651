"""Sessions: idle timeout, limit, closing."""

import pytest

from firmware_bridge.redfish_service.messages import RequestRefused
from firmware_bridge.redfish_service.sessions import SessionTable
from firmware_bridge.redfish_service.source import Principal
from firmware_bridge.vocabulary.units import Seconds

ROOT = Principal("root")


def test_use_keeps_a_session_alive_and_idling_ends_it() -> None:
    table = SessionTable(timeout=Seconds(30.0))
    token = table.open(ROOT, "", 0.0).token
    assert table.principal_of(token, 25.0) is ROOT
    assert table.principal_of(token, 50.0) is ROOT
    assert table.principal_of(token, 81.0) is None
    assert table.principal_of(token, 50.0) is None


def test_a_full_table_says_so_until_one_expires() -> None:
    table = SessionTable(timeout=Seconds(30.0), most=2)
    table.open(ROOT, "", 0.0)
    table.open(ROOT, "", 10.0)
    with pytest.raises(RequestRefused) as refused:
        table.open(ROOT, "", 20.0)
    assert refused.value.http_status == 503
    table.open(ROOT, "", 31.0)


def test_a_closed_session_is_gone_and_no_listing_holds_a_token() -> None:
    table = SessionTable()
    session = table.open(ROOT, "127.0.0.1", 0.0)
    assert session.token not in str(table.listing(0.0)) + str(session.body()) + repr(session)
    assert table.close(session.id)
    assert not table.close(session.id)
    assert table.principal_of(session.token, 0.0) is None
