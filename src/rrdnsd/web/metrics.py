"""GET /metrics: where Prometheus reads."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Response

from rrdnsd.metrics.prometheus import CONTENT_TYPE

PATH = "/metrics"


def add_metrics(app: FastAPI, text: Callable[[], Awaitable[bytes]]) -> None:
    """Let the application answer with the metrics, in Prometheus' text format."""

    @app.get(PATH, include_in_schema=False)
    async def metrics() -> Response:
        return Response(await text(), media_type=CONTENT_TYPE)
