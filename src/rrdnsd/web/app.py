"""The HTTP application on `local_node`: a guard in front, and the routes that are added to it."""

from fastapi import FastAPI, Response

import rrdnsd
from rrdnsd.web.access import Access
from rrdnsd.web.guard import Guard
from rrdnsd.web.problems import add_error_handlers
from rrdnsd.web.streams import Streams


def create_app(access: Access | None = None) -> FastAPI:
    """Return an application without routes, which lets nobody do what `access` does not allow."""
    app = FastAPI(
        title="rrdnsd",
        version=rrdnsd.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        default_response_class=Response,
    )
    app.state.streams = Streams()
    add_error_handlers(app)
    app.add_middleware(Guard, of=app, access=access or Access())
    return app


def streams_of(app: FastAPI) -> Streams:
    """Return the streams that the application has open."""
    found: Streams = app.state.streams
    return found
