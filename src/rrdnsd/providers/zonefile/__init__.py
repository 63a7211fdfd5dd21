"""`zonefile`: NSD or Unbound on this machine, by the zone file that it reads.

Neither takes updates over DNS. The file is changed in place of the operator: a few lines of it, checked, renamed over the
old one, loaded by the control socket, and seen to be served.
"""

from rrdnsd.providers.base import Provider, ProviderSpec
from rrdnsd.providers.vendor.options import problem
from rrdnsd.providers.zonefile.options import read
from rrdnsd.providers.zonefile.provider import ZoneFile


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make the provider of the one server in `update_resolvers`.

    Raises:
        ConfigError: an option is wrong, or there is not exactly one server.

    """
    options = read(spec)
    if len(spec.resolvers) != 1:
        sentence = (
            f'must be the one address at which {options.kind.name} itself is asked, such as ["127.0.0.1"]'
        )
        raise problem(spec, "update_resolvers", sentence)
    if spec.credentials:
        raise problem(
            spec, "update_credentials", "has no meaning for zonefile: the file's permissions decide"
        )
    return (ZoneFile(f"{spec.name} {spec.resolvers[0]}", options, spec.resolvers[0], spec.timeout),)
