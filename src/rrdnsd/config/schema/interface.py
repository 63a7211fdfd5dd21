"""What `local_node` answers to whom, and its TLS."""

from typing import Literal

from pydantic import Field

from rrdnsd.config import values as v
from rrdnsd.config.schema.keys import Keys, text_default


class TokenConfig(Keys):
    """A token that a caller of the HTTP interface may show; `rrdnsd token new` makes one."""

    name: v.PlainName = Field(description="Who the token is for: the audit calls its holder so.")
    scope: Literal["read", "write"] = Field(
        description="`read` sees everything, `write` may change things, too."
    )
    hash: v.TokenHash = Field(
        repr=False, description="What `rrdnsd token new` printed for the configuration; not the token itself."
    )


class ApiConfig(Keys):
    """The HTTP interface on `local_node`."""

    enabled: bool = Field(
        default=True,
        description="Whether `local_node` answers more than the peers' messages; a node alone then does not listen.",
    )
    tokens: v.ListOf[TokenConfig] = Field(
        default=(),
        max_length=64,
        description="The tokens that are accepted. Without a token of scope `write`, changes are made over the Unix"
        " socket only.",
    )
    socket: v.SocketPath | None = Field(
        default=None,
        description="Path of the Unix socket for the administrators of this machine; a relative path starts beside"
        " this file, an empty text means none.",
        json_schema_extra=text_default(
            "`api.sock` in $RUNTIME_DIRECTORY, else in /run/rrdnsd if that is there"
        ),
    )
    anonymous_read: bool = Field(
        default=True, description="Whether status, events, history and dashboard can be read without a token."
    )
    allowed_hosts: v.ListOf[v.DomainName] = Field(
        default=(),
        description="Names by which browsers may reach this node without a token, beside its IP addresses and"
        " `localhost`: a guard against DNS rebinding.",
    )


class TlsConfig(Keys):
    """TLS between the nodes: this node's certificate, and the authority that signs the nodes' certificates."""

    cert_file: v.CaFile = Field(
        description="This node's certificate in PEM form, with `local_node`'s address among its names."
    )
    key_file: v.KeyFile = Field(description="Its private key in PEM form.")
    ca_file: v.CaFile | None = Field(
        default=None,
        description="The authority of the nodes' certificates. With it, peers must show a certificate of theirs.",
        json_schema_extra=text_default("the system's, and peers show no certificate"),
    )
