"""A new TSIG key: the file that holds it, and what the DNS server must be told of it."""

import base64
import secrets
from collections.abc import Sequence

_OCTETS = 32  # as tsig-keygen makes them for hmac-sha256


def new_key(name: str) -> str:
    """Return the content of a key file for BIND, which rrdnsd reads too; comments have the forms for Knot and PowerDNS."""
    secret = base64.b64encode(secrets.token_bytes(_OCTETS)).decode("ascii")
    return f"""# TSIG key of rrdnsd, made by `rrdnsd init`. Whoever has it may change what it is allowed to change.
# BIND: copy this file to the server and include it in named.conf.
key "{name}" {{
\talgorithm hmac-sha256;
\tsecret "{secret}";
}};
# Knot DNS, knot.conf:
#   key:
#     - id: {name}
#       algorithm: hmac-sha256
#       secret: {secret}
# PowerDNS:
#   pdnsutil import-tsig-key {name} hmac-sha256 {secret}
"""


def new_secret() -> str:
    """Return the content of a file with a secret for the nodes of a cluster."""
    return secrets.token_urlsafe(_OCTETS) + "\n"


def server_side(path: str, key: str, zone: str, names: Sequence[str]) -> str:
    """Say what the administrator of the DNS server does with a new key. The secret itself is not in it."""
    grants = "\n".join(f"      grant {key} name {name}. A AAAA;" for name in names)
    owners = ", ".join(f"{name}." for name in names)
    return f"""The key is in {path}. On the DNS server:

BIND: copy {path} there; in named.conf:
  include "/etc/bind/{key}.key";
  zone "{zone}" {{
    ...
    update-policy {{
{grants}
    }};
  }};
then: rndc reconfig

Knot DNS, knot.conf (the key's own lines are in {path}):
  acl:
    - id: rrdnsd
      key: {key}
      action: update
      update-type: [A, AAAA]
      update-owner: name
      update-owner-match: equal
      update-owner-name: [{owners}]
  zone:
    - domain: {zone}
      acl: rrdnsd
then: knotc reload

PowerDNS (the line that imports the key is in {path}):
  pdnsutil set-meta {zone} TSIG-ALLOW-DNSUPDATE {key}
  pdnsutil set-meta {zone} ALLOW-DNSUPDATE-FROM (addresses of the rrdnsd nodes)
  pdnsutil set-meta {zone} SOA-EDIT-DNSUPDATE INCREASE
"""
