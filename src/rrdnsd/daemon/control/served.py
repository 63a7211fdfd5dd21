"""DNS truth against what is desired: what each server was last seen to serve for a name."""

from collections.abc import Sequence

from rrdnsd.control.reports import ServedReport
from rrdnsd.core.model import RRsetKey
from rrdnsd.core.publish import Publication
from rrdnsd.daemon.control.scene import Scene
from rrdnsd.daemon.reconciler import ZoneKeeper


def served_reports(scene: Scene, publication: Publication) -> list[ServedReport]:
    """Compare each server with what shall be published."""
    return [
        _report(scene, keeper, publication, key)
        for keeper in scene.keepers(publication.service)
        for key in publication.keys
    ]


def is_served(scene: Scene, publication: Publication, address: str) -> bool | None:
    """Tell if every server that was read serves an address; None if some do, or none was read."""
    return by_all(serving(scene, publication), address)


def serving(scene: Scene, publication: Publication) -> list[frozenset[str]]:
    """Return all addresses that are served for a name, by each server that was read."""
    return [
        frozenset().union(*(_addresses(keeper, key) for key in publication.keys))
        for keeper in scene.keepers(publication.service)
        if publication.service in keeper.read_at
    ]


def by_all(served: Sequence[frozenset[str]], address: str) -> bool | None:
    """Tell if all of them have an address; None if some do, or there is none."""
    having = [address in addresses for addresses in served]
    return having[0] if having and having.count(having[0]) == len(having) else None


def is_right(keeper: ZoneKeeper, publication: Publication, key: RRsetKey) -> bool:
    """Tell if a server serves what it shall and nothing that it shall not."""
    addresses = _addresses(keeper, key)
    wanted, unwanted = publication.present[key], publication.absent[key]
    return publication.service in keeper.read_at and wanted <= addresses and not unwanted & addresses


def _report(scene: Scene, keeper: ZoneKeeper, publication: Publication, key: RRsetKey) -> ServedReport:
    rrset, read_at = keeper.served.get(key), keeper.read_at.get(publication.service)
    addresses = _addresses(keeper, key)
    return ServedReport(
        server=keeper.server,
        rtype=key.rtype,
        addresses=sorted(addresses),
        ttl=rrset.ttl if rrset else None,
        foreign=sorted(addresses - publication.reasons.keys()),
        right=is_right(keeper, publication, key),
        read_at=None if read_at is None else scene.at(read_at),
        error=keeper.status.error,
    )


def _addresses(keeper: ZoneKeeper, key: RRsetKey) -> frozenset[str]:
    rrset = keeper.served.get(key)
    return rrset.addresses if rrset else frozenset()
