"""Standing orders: stored rows become orders and back."""

from hypothesis import given
from hypothesis import strategies as st

from posthorse.mail.ids import ProviderName
from posthorse.mail.orders import EJECTED, FAILOVER, NO_ORDERS, PAUSED, Orders, failover_value, read_orders
from posthorse.mail.stream import Stream


def test_no_rows_are_no_orders() -> None:
    """An empty table equals the constant for no orders."""
    assert read_orders({}) == NO_ORDERS


def test_each_row_gives_its_order() -> None:
    """Pause, close and ejections are read from their keys; what a newer version stored is left alone."""
    rows = {PAUSED: "", EJECTED + "ses": "", EJECTED + "relay:2": "", "tint": "blue"}
    assert read_orders(rows) == Orders(paused=True, ejected=frozenset({ProviderName("ses"), ProviderName("relay:2")}))


@given(st.text(min_size=1), st.sets(st.sampled_from(Stream)))
def test_a_failover_reads_back_as_it_was_ordered(target: str, streams: set[Stream]) -> None:
    """Whatever the provider's name, target and streams survive storage; no streams are all streams."""
    orders = read_orders({FAILOVER: failover_value(ProviderName(target), streams)})
    assert orders.failover == target
    assert orders.failover_streams == frozenset(streams or Stream)


def test_a_bare_name_fails_over_every_stream() -> None:
    """A failover row written without the colon still names... no target, and so orders nothing."""
    assert read_orders({FAILOVER: ""}) == NO_ORDERS
