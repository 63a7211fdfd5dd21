"""One example of each order, as the interface and its documentation show it."""

from collections.abc import Mapping

from rrdnsd.control import orders as o

_WEB, _ADDRESS = "www.example.org", "192.0.2.1"

EXAMPLES: Mapping[type[o.Order], Mapping[str, object]] = {
    o.Drain: {"address": _ADDRESS, "why": "kernel update"},
    o.Undrain: {"address": _ADDRESS},
    o.Maintenance: {"service": _WEB, "until": "2030-01-31T18:00:00+01:00", "why": "new switch"},
    o.EndMaintenance: {"service": _WEB},
    o.Pause: {"why": "the DNS servers move"},
    o.Resume: {},
    o.Failover: {"service": _WEB, "to": ["192.0.2.2"], "why": "trying the second site"},
    o.Failback: {"service": _WEB},
    o.Force: {"service": _WEB, "address": _ADDRESS, "state": "down", "why": "it serves old pages"},
    o.Unforce: {"service": _WEB, "address": _ADDRESS},
    o.Refresh: {"service": _WEB},
    o.AddService: {
        "config": {
            "fqdn": "shop.example.org",
            "zone": "example.org",
            "healthcheck": "https://{}/health",
            "ipaddrs": ["192.0.2.7", "192.0.2.8"],
        },
        "who": "alice",
    },
    o.RemoveService: {"service": "shop.example.org", "withdraw": True, "why": "closed"},
    o.AddEndpoint: {"service": _WEB, "address": "192.0.2.4", "priority": 0, "label": "berlin"},
    o.RemoveEndpoint: {"service": _WEB, "address": "192.0.2.4"},
    o.AddNode: {"node": "10.0.0.4:3333", "why": "a third site"},
    o.RemoveNode: {"node": "10.0.0.4:3333"},
    o.Reload: {"dry_run": True},
}
