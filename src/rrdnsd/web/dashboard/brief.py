"""A service in brief: its state, and that of its endpoints, without drawings, figures and tables.

Written by hand, because a template takes six times as long and there may be thousands.
"""

from html import escape

from rrdnsd.control.reports import EndpointReport, ServiceReport

NO_VERSION = ""
"""What a page has in brief is an old version of it: a script renews it where somebody looks."""


def brief(service: ServiceReport) -> str:
    """Return the HTML of a service."""
    name, state = escape(service.fqdn), escape(service.state)
    flags = (
        ("maintenance", service.maintenance),
        ("fail-open", service.fail_open),
        ("failover", service.failover),
    )
    tags = "".join(f'<span class="tag">{word}</span>' for word, holds in flags if holds)
    why = f'<p class="why">{escape(service.reason)}</p>' if service.reason else ""
    tiles = "".join([_tile(endpoint) for endpoint in service.endpoints])
    return (
        f'<article class="service {state}" id="s-{name}" data-part="s:{name}" data-v="{NO_VERSION}" aria-labelledby="n-{name}">\n'
        f'<div class="name"><h3 id="n-{name}">{_glyph(state)}<a href="/dash/service/{name}">{name}</a></h3>'
        f'<span class="word {state}">{state}</span>{tags}</div>{why}\n<ul class="tiles">{tiles}</ul>\n</article>\n'
    )


def _tile(endpoint: EndpointReport) -> str:
    address, state = escape(endpoint.address), endpoint.state
    label = f' <span class="label">{escape(endpoint.label)}</span>' if endpoint.label else ""
    pending, said = (" pending", ", pending") if endpoint.pending else ("", "")
    forced = ", forced" if endpoint.forced else ""
    why = f'<p class="why">{escape(endpoint.reason)}</p>' if state not in ("up", endpoint.reason) else ""
    return (
        f'<li class="tile {state}{pending}" data-at="{address}"><div class="who">{_glyph(state)}<b class="mono">{address}</b>'
        f'{label}<span class="word">{state}{forced}{said}</span></div>{why}</li>'
    )


def _glyph(state: str) -> str:
    return f'<svg class="glyph {state}" aria-hidden="true"><use href="#g-{state}"/></svg>'
