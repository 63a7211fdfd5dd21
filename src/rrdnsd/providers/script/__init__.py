"""`script`: a program of the operator's own reads and writes the records; docs/scripts.md has the protocol."""

from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.script.options import read
from rrdnsd.providers.script.provider import Script


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make one provider for each of the `update_resolvers`, or one alone where there are none.

    Raises:
        ConfigError: an option is wrong.

    """
    options = read(spec)
    return tuple(Script(spec, options, str(server) if server else "") for server in spec.resolvers or (None,))
