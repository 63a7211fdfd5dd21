"""The mistakes in the keys of a service that only some probe types understand."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rrdnsd.config import healthcheck, servicecheck
from rrdnsd.config.probeoptions import BUILT_IN, ONLY_FOR
from rrdnsd.config.problem import Loc, Problem
from rrdnsd.config.text import quote

if TYPE_CHECKING:
    from rrdnsd.config.schema import Config, ServiceConfig


def probe_keys(_: "Config", service: "ServiceConfig", at: Loc) -> Iterator[Problem]:
    """Find keys that the scheme of the service has no use for, and what it lacks."""
    scheme, about = healthcheck.scheme_of(service.healthcheck), ((*at, "healthcheck"),)
    for key, wanted in ONLY_FOR.items():
        if key in service.model_fields_set and scheme != wanted:
            yield Problem((*at, key), f"has no meaning for {quote(scheme)}, only for {quote(wanted)}", about)
    if scheme in BUILT_IN and service.probe_options:
        sentence = f"has no meaning for {quote(scheme)}, only for the probe type of a plug-in"
        yield Problem((*at, "probe_options"), sentence, about)
    if service.service_check:
        try:
            servicecheck.template(service.service_check, service.fqdn)
        except ValueError as error:
            yield Problem((*at, "service_check"), str(error), ((*at, "fqdn"),))
    if scheme == "heartbeat":
        yield from _heartbeat(service, at)
    elif scheme == "script":
        yield from _script(service.healthcheck.removeprefix("script://"), (*at, "healthcheck"))
    elif scheme == "tcp":
        yield from _steps(service, at)


def _heartbeat(service: "ServiceConfig", at: Loc) -> Iterator[Problem]:
    if not service.heartbeat_secret.get_secret_value():
        sentence = (
            'is required by "heartbeat": what the endpoints show when they call; try: openssl rand -base64 24'
        )
        yield Problem((*at, "heartbeat_secret"), sentence, ((*at, "healthcheck"),))


def _script(path: str, at: Loc) -> Iterator[Problem]:
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that is too long
        yield Problem(at, f"there is no file {quote(path)}")
    elif not os.access(path, os.X_OK):
        yield Problem(at, f"{quote(path)} is not executable")


def _steps(service: "ServiceConfig", at: Loc) -> Iterator[Problem]:
    secured = False
    for index, step in enumerate(service.query_response):
        here = (*at, "query_response", index)
        if step.expect is None and step.send is None and not step.starttls:
            yield Problem(here, 'is empty, give "expect", "send" or "starttls"')
        if step.starttls and secured:
            yield Problem(
                (*here, "starttls"), "is true for the second time, and the connection is encrypted already"
            )
        secured |= step.starttls
