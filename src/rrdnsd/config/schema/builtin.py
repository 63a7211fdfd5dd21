"""The built-in authoritative server."""

from pydantic import Field, SecretStr

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys, text_default


class BuiltinConfig(Keys):
    """The built-in authoritative server, which serves the zones when no update method is given."""

    listen: v.ListOf[v.IpAndPort] = Field(
        default=("127.0.0.1:5300",),
        min_length=1,
        description="Addresses and ports to answer on, UDP and TCP.",
    )
    ns: v.ListOf[v.DomainName] = Field(
        default=(),
        description="The zones' NS records; the first is the primary in the SOA.",
        json_schema_extra=text_default("ns. and the zone"),
    )
    hostmaster: v.Mailbox | None = Field(
        default=None,
        description="Responsible mailbox in the SOA, as a mail address or a domain name.",
        json_schema_extra=text_default("hostmaster. and the zone"),
    )
    notify: v.ListOf[v.IpAndPort] = Field(
        default=(), description="Secondaries to send NOTIFY to after a change."
    )
    allow_transfer: v.ListOf[v.Network] = Field(
        default=(),
        description="Addresses and networks that may transfer the zones (AXFR).",
        json_schema_extra=text_default("this machine and the addresses in `notify`"),
    )
    tsig: v.Secret = Field(
        default=SecretStr(""),
        description="TSIG key for transfers and NOTIFY, `[algorithm:]name:secret`; or `env:NAME` or `file:PATH`.",
    )
    refresh: v.Seconds = Field(
        default=300, description="SOA refresh: how often secondaries look for a new serial."
    )
    retry: v.Seconds = Field(default=60, description="SOA retry: how soon they try again.")
    expire: v.Seconds = Field(
        default=1_209_600, description="SOA expire: how long they serve without the primary."
    )
    negative_ttl: v.Ttl = Field(
        default=60, description="SOA minimum: how long resolvers remember that a name or type does not exist."
    )
