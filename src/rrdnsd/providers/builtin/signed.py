"""TSIG on what comes in: which signed queries are believed, and the answer to those that are not (RFC 8945, 5.2)."""

import time
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

FUDGE = 300


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a signature is not believed: the TSIG error code."""

    error: dns.rcode.Rcode


def verify(wire: bytes, key: dns.tsig.Key | None) -> dns.message.Message | Refused:
    """Read a signed query; the message then carries what is needed to sign its response.

    Raises:
        dns.exception.DNSException: the query or its TSIG record is malformed.

    """
    keyring = {key.name: key} if key else {}
    try:
        return dns.message.from_wire(wire, keyring=keyring)
    except (dns.message.UnknownTSIGKey, dns.tsig.BadKey, dns.tsig.BadAlgorithm):
        return Refused(dns.rcode.BADKEY)
    except dns.tsig.BadSignature:
        return Refused(dns.rcode.BADSIG)
    except dns.tsig.BadTime:
        return Refused(dns.rcode.BADTIME)


def refusal(query: dns.message.Message, refused: Refused, key: dns.tsig.Key | None) -> bytes:
    """Make the NOTAUTH response to a query that was read without regard to its signature.

    Only BADTIME is signed, with the time of the query, and tells the time here (RFC 8945, 5.2.3).
    """
    response = dns.message.make_response(query, pad=0)
    response.set_rcode(dns.rcode.NOTAUTH)
    for asked in query.tsig or ():
        late = refused.error == dns.rcode.BADTIME
        tsig = TSIG(  # type: ignore[no-untyped-call]  # dnspython left it untyped
            dns.rdataclass.ANY,
            dns.rdatatype.TSIG,
            asked.algorithm,
            asked.time_signed,
            FUDGE,
            b"",
            query.id,
            refused.error,
            int(time.time()).to_bytes(6) if late else b"",
        )
        if late and key:
            tsig, _ = dns.tsig.sign(  # type: ignore[no-untyped-call]  # likewise
                response.to_wire(), key, tsig, asked.time_signed, asked.mac
            )
        response.tsig = dns.rrset.from_rdata(query.keyname or dns.name.root, 0, tsig)
    return response.to_wire()
