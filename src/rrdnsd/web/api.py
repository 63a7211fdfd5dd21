"""The HTTP interface: what operators and their scripts may ask and order."""

from fastapi import FastAPI

from rrdnsd.control.base import Control
from rrdnsd.turns import Readers
from rrdnsd.web.answers import Overviews
from rrdnsd.web.app import streams_of
from rrdnsd.web.docs import add_docs
from rrdnsd.web.orders import add_orders
from rrdnsd.web.reads import add_health, add_past, add_reads, add_streams


def add_api(app: FastAPI, control: Control, readers: Readers) -> None:
    """Add /health, /health/ready and all under /api/v1."""
    add_health(app, control)
    overviews = Overviews(control, readers)
    add_reads(app, control, overviews)
    add_past(app, control)
    add_streams(app, control, streams_of(app), overviews)
    add_orders(app, control)
    add_docs(app)
