"""From the configuration to the files and folders that are read, written and run, each with the first reason for it."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from rrdnsd.config import Config, plugins
from rrdnsd.daemon.sandbox.allowance import Place, Right
from rrdnsd.daemon.sandbox.machine import Machine
from rrdnsd.daemon.sandbox.ports import texts
from rrdnsd.daemon.sandbox.programs import Program

_READ_ETC = (
    *("ca-certificates", "pki", "ssl", "resolv.conf", "hosts", "host.conf", "nsswitch.conf", "gai.conf", "services"),
    *("protocols", "localtime", "timezone", "ld.so.cache", "ld.so.preload", "passwd", "group", "mime.types"),
)  # fmt: skip
_LIBRARIES = ("/usr", "/lib", "/lib32", "/lib64")
_RESOLVING = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/nscd")
_CPU = ("/sys/devices/system", "/sys/fs/cgroup")
_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_CERTIFICATES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OPENSSL_CONF"),
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)
_SHARED = frozenset(
    {"/", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var", "/var/lib", "/var/tmp"}  # noqa: S108 -- is not used
)


def places(config: Config, machine: Machine, run: Iterable[Program]) -> tuple[Place, ...]:
    """Return what may be done where."""
    found: dict[tuple[str, Right], Place] = {}
    for place in (*_system(machine), *_own(config, machine), *_providers(config, machine)):
        found.setdefault((place.path, place.right), place)
    for program in run:
        for place in _program(program, machine):
            found.setdefault((place.path, place.right), place)
    return tuple(found.values())


def _system(machine: Machine) -> Iterator[Place]:
    for path in machine.python:
        yield Place(path, Right.READ, "Python and its libraries")
    for path in _LIBRARIES:
        yield Place(path, Right.READ, "libraries, certificates, time zones")
    reason = "name resolution, certificates, time zone"
    for path in [f"/etc/{name}" for name in _READ_ETC] if machine.root else ["/etc"]:
        # Others than root are kept from what is secret there by its permissions, and see files that are replaced.
        yield Place(path, Right.READ, reason)
    for path in _RESOLVING:
        yield Place(path, Right.READ, "name resolution")
    for path in ("/proc", *_CPU):
        yield Place(path, Right.READ, "own memory, processors")
    for path in ("/dev/urandom", "/dev/random", "/dev/zero"):
        yield Place(path, Right.READ, "random numbers")
    yield Place("/dev/null", Right.DEVICE, "programs and libraries")
    for name in _CERTIFICATES:
        if machine.env.get(name, "").startswith("/"):
            yield Place(machine.env[name], Right.READ, f"the environment variable {name}")


def _own(config: Config, machine: Machine) -> Iterator[Place]:
    yield from _configuration(machine)
    for key, path in machine.files:
        yield from _with_folder(path, key, machine)
    if machine.credentials:
        yield Place(machine.credentials, Right.READ, "credentials of systemd")
    if machine.state_dir:
        yield Place(machine.real(machine.state_dir), Right.WRITE, "state_dir")
    if machine.socket:
        yield Place(str(PurePosixPath(machine.socket).parent), Right.SOCKET, "api.socket")
    for key, certificate in _certificates(config):
        yield from _with_folder(certificate, key, machine)
    for path in config.sandbox.read:
        yield Place(path, Right.READ, "sandbox.read")
    for path in config.sandbox.write:
        yield Place(path, Right.WRITE, "sandbox.write")


def _configuration(machine: Machine) -> Iterator[Place]:
    """Allow its folder, whatever else is there: editors replace a file by renaming, and a reload has to read the new one."""
    for path in dict.fromkeys((machine.config_file, machine.real(machine.config_file))):
        folder = str(PurePosixPath(path).parent)
        more = "; a folder of its own would allow less" if folder in _shared(machine) else ""
        reason = f"the configuration, replaced by its editor{more}"
        yield Place(path if folder == "/" else folder, Right.READ, reason)


def _certificates(config: Config) -> Iterator[tuple[str, str]]:
    if config.tls:
        for name in ("cert_file", "key_file", "ca_file"):
            if path := getattr(config.tls, name):
                yield f"tls.{name}, replaced when it is renewed", path
    for file in sorted(
        {config.ca_file or "", *(service.ca_file or "" for service in config.services)} - {""}
    ):
        yield "ca_file, replaced when it is renewed", file


def _providers(config: Config, machine: Machine) -> Iterator[Place]:
    """Give the files that providers and notifiers are told of by their options."""
    for provider in config.effective_providers():
        reason = f"provider {provider.name}"
        if provider.method == "zonefile":
            for zone in provider.zones:
                path = str(provider.options.get("file", "")).replace("{zone}", zone)
                yield Place(
                    str(PurePosixPath(machine.real(path)).parent), Right.WRITE, f"{reason}: zone files"
                )
        known = provider.method in machine.built_in.get(plugins.PROVIDERS, ())
        yield from _named(texts(provider.options), reason, machine, _right(known=known))
    for notifier in config.notifiers:
        known = notifier.type in machine.built_in.get(plugins.NOTIFIERS, ())
        about = f"notifier {notifier.called}"
        yield from _named(texts(notifier.options), about, machine, _right(known=known))
    for service in config.services:
        if service.probe_options:
            yield from _named(texts(service.probe_options), f"probe of {service.fqdn}", machine)


def _program(program: Program, machine: Machine) -> Iterator[Place]:
    path, reason = program.words[0] if program.words else "", program.reason
    if path.startswith("/"):
        yield Place(machine.real(path), Right.EXECUTE, reason)
    for loader in machine.loaders:
        yield Place(loader, Right.EXECUTE, f"starts programs, {reason}")
    if program.script:
        yield from _script(program, machine)


def _script(program: Program, machine: Machine) -> Iterator[Place]:
    """Allow what scripts are made of: the system's programs, what lies beside them, what they are called with, and /tmp."""
    path, reason = program.words[0] if program.words else "", program.reason
    for folder in _PROGRAMS:
        yield Place(folder, Right.EXECUTE, f"programs that are called by {reason}")
    for word in (path, machine.interpreter(path)):
        if word.startswith("/"):
            yield Place(machine.real(word), Right.EXECUTE, reason)
            beside = str(PurePosixPath(machine.real(word)).parent)
            if beside not in _shared(machine):
                yield Place(beside, Right.EXECUTE, f"beside {reason}")
    yield from _named(program.words[1:], reason, machine)
    for folder in dict.fromkeys((machine.env.get("TMPDIR") or "/tmp", "/tmp", "/var/tmp")):  # noqa: S108 -- for programs' own use
        if folder.startswith("/"):
            yield Place(folder, Right.WRITE, f"temporary files of {reason}")


def _right(*, known: bool) -> Right:
    """Return the right to what options name: a stranger's plug-in may well write it."""
    return Right.READ if known else Right.WRITE


def _named(words: Iterable[str], reason: str, machine: Machine, right: Right = Right.READ) -> Iterator[Place]:
    for word in words:
        if word.startswith("/") and "{" not in word and "\0" not in word and word.strip("/"):
            yield from _with_folder(word, reason, machine, right)


def _with_folder(path: str, reason: str, machine: Machine, right: Right = Right.READ) -> Iterator[Place]:
    """Allow a file, and its folder, so that it can be replaced by renaming; not a folder that is everybody's."""
    for one in dict.fromkeys((path, machine.real(path))):
        folder = str(PurePosixPath(one).parent)
        yield Place(one if folder in _shared(machine) else folder, right, reason)


def _shared(machine: Machine) -> frozenset[str]:
    home = machine.env.get("HOME", "").rstrip("/")
    return _SHARED | ({"/etc"} if machine.root else set()) | ({home} if home else set())
