"""The built-in authoritative DNS server: the update method when none is configured, or a hidden primary.

Every other part of rrdnsd sees one more provider. `build` is what the entry point names; the server itself is
loaded by it, so that a configuration without it does not pay for it.
"""

from rrdnsd.providers.base import Provider, ProviderSpec


def build(spec: ProviderSpec) -> tuple[Provider, ...]:
    """Make the one provider of this update method; nothing listens before its `start`.

    Raises:
        ConfigError: an option cannot be used.

    """
    from rrdnsd.providers.builtin.options import read_options  # noqa: PLC0415 - see the module's docstring
    from rrdnsd.providers.builtin.provider import Builtin  # noqa: PLC0415 - as above

    return (Builtin(spec.name, read_options(spec.options), spec.zones, spec.names, spec.state_dir),)
