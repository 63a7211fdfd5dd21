"""What keeps this process, and perhaps only this one, from running a configuration that has no mistakes."""

from collections.abc import Iterator

from rrdnsd.compose import parts
from rrdnsd.compose.building import build_probe
from rrdnsd.config import Config
from rrdnsd.core.model import EndpointKey
from rrdnsd.errors import RrdnsdError, StartupError
from rrdnsd.probes.base import CheckSpec
from rrdnsd.probes.heartbeat import Board
from rrdnsd.probes.registry import ProbeTypes
from rrdnsd.probes.runner import close


def obstacles(config: Config) -> list[str]:
    """Return a sentence for each probe type that cannot work in this process; a daemon in its place would not start."""
    types = ProbeTypes()
    found: dict[str, None] = {}
    for key, check in _checks(config):
        try:
            close(build_probe(types, check, key))
        except StartupError as error:
            found[str(error)] = None
        except RrdnsdError:
            continue  # a mistake, and told as one
    return [*found]


def _checks(config: Config) -> Iterator[tuple[EndpointKey, CheckSpec]]:
    for service in map(config.effective, config.services):
        check = parts.check_spec(service, Board())
        for endpoint in service.endpoints:
            yield EndpointKey(service.fqdn, endpoint.address), check
    for key, template in parts.link_checks(config).items():
        yield key, CheckSpec(template, host=key.address, timeout=1.0)
