"""Fits the sandbox to the configuration: what it needs and no more. Pure."""

from rrdnsd.config import Config
from rrdnsd.daemon.sandbox.allowance import Allowance, Capability, Port
from rrdnsd.daemon.sandbox.machine import Machine
from rrdnsd.daemon.sandbox.places import places
from rrdnsd.daemon.sandbox.ports import binds, connects
from rrdnsd.daemon.sandbox.programs import programs, strangers

# linux/capability.h
_CHOWN = (0, "CAP_CHOWN")
_DAC_OVERRIDE = (1, "CAP_DAC_OVERRIDE")
_FOWNER = (3, "CAP_FOWNER")
_BIND = (10, "CAP_NET_BIND_SERVICE")
_RAW = (13, "CAP_NET_RAW")


def allowance(config: Config, machine: Machine) -> Allowance:
    """Return what may be done once the daemon runs."""
    run = tuple(programs(config))
    scripts = [program.reason for program in run if program.script]
    unknown = scripts + list(strangers(config, machine))
    program = run[0].reason if run else ""
    listened = binds(config, program)
    pinged = _pinged(config)
    raw = pinged if pinged and machine.pings_raw() else ""
    return Allowance(
        places=places(config, machine, run),
        connect=connects(config, machine),
        bind=listened,
        capabilities=_capabilities(config, machine, listened, raw, scripts),
        programs=program,
        any_port=f"only its author knows where it connects to: {unknown[0]}"
        if unknown and config.sandbox.connect_ports is None
        else "",
        raw_sockets=raw,
        signals=scripts[0] if scripts else "",
        abstract_sockets=_abstract(machine, scripts),
    )


def _abstract(machine: Machine, scripts: list[str]) -> str:
    if machine.env.get("NOTIFY_SOCKET", "").startswith("@"):
        return "NOTIFY_SOCKET of systemd"
    return scripts[0] if scripts else ""


def _pinged(config: Config) -> str:
    for service in config.services:
        if service.healthcheck.startswith("icmp:"):
            return f"probe of {service.fqdn}"
    return "connectivity_check" if any(t.startswith("icmp:") for t in config.connectivity_check) else ""


def _capabilities(
    config: Config, machine: Machine, listened: tuple[Port, ...], raw: str, scripts: list[str]
) -> tuple[Capability, ...]:
    found: dict[int, Capability] = {}

    def keep(which: tuple[int, str], reason: str) -> None:
        found.setdefault(which[0], Capability(*which, reason))

    for port in listened:
        if 0 < port.number < machine.low_ports:
            keep(_BIND, f"{port.reason}: port {port.number}")
    if raw:
        keep(_RAW, raw)
    if machine.root:
        # Root without capabilities may do with others' files only what everybody may: Landlock bounds where, not these.
        methods = {provider.method for provider in config.effective_providers()}
        for reason in (["zone files of the DNS server"] if "zonefile" in methods else []) + scripts[:1]:
            for which in (_CHOWN, _DAC_OVERRIDE, _FOWNER):
                keep(which, reason)
        files = (
            machine.config_file,
            machine.state_dir or "",
            machine.credentials,
            *dict(machine.files).values(),
        )
        for path in (*files, *config.sandbox.read, *config.sandbox.write, *_tls(config)):
            if path and machine.foreign(path):
                keep(_DAC_OVERRIDE, f"{path} belongs to another user")
    return tuple(found[number] for number in sorted(found))


def _tls(config: Config) -> tuple[str, ...]:
    return (config.tls.cert_file, config.tls.key_file) if config.tls else ()
