"""The update that cannot come true: whatever a server holds, it must not apply it, and would change nothing if it did."""

import dns.message
import dns.rdatatype
import pytest

from rrdnsd.compose.beginning.permission import impossible
from rrdnsd.core.model import RRset, RRsetKey
from rrdnsd.providers.message import render_update

NAME, ZONE = "www.example.test", "example.test"
SERVED = [
    {},
    {"A": ("192.0.2.1", "192.0.2.2")},
    {"A": ("192.0.2.1",), "AAAA": ("2001:db8::1",)},
]


@pytest.mark.parametrize("served", SERVED)
@pytest.mark.parametrize("rtypes", [{"A"}, {"AAAA"}, {"A", "AAAA"}])
def test_no_state_of_the_zone_fulfils_its_prerequisites(served, rtypes):
    rrsets = {RRsetKey(NAME, rtype): RRset(60, frozenset(found)) for rtype, found in served.items()}
    change = impossible(NAME, rtypes, rrsets)
    for rtype in rtypes:
        required = {one.before for one in change.rrsets if one.key.rtype == rtype}
        assert None in required
        assert len(required) == 2
    for one in change.rrsets:
        if one.before is not None:  # the one with an effect puts what is served in its own place
            assert one.after == rrsets.get(one.key)
    message = dns.message.from_wire(render_update(1, ZONE, [change]))
    touched = {rrset.rdtype for rrset in message.update}
    assert touched == {dns.rdatatype.from_text(rtype) for rtype in rtypes}
