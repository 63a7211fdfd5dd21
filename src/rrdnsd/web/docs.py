"""The description of the interface, for programs as OpenAPI and for people as one page without scripts."""

import asyncio
import json
from html import escape
from typing import Any

from fastapi import FastAPI, Response

from rrdnsd.web.access import API
from rrdnsd.web.answers import JSON

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rrdnsd: HTTP interface</title>
</head>
<body>
<h1>rrdnsd {version}: HTTP interface</h1>
<p>{about}</p>
<p>For programs: <a href="{api}/openapi.json">openapi.json</a></p>
<nav><ul>
{index}
</ul></nav>
<main>
{operations}
</main>
</body>
</html>
"""


def add_docs(app: FastAPI) -> None:
    """Add both; each is made when it is asked for the first time, in a thread, for it takes a while."""
    making = asyncio.Lock()
    made: dict[str, bytes] = {}

    async def described() -> dict[str, bytes]:
        async with making:
            if not made:
                made.update(await asyncio.to_thread(_describe, app))
        return made

    @app.get(f"{API}/openapi.json", tags=["about"])
    async def openapi() -> Response:
        """Describe this interface by the OpenAPI standard."""
        return Response((await described())["json"], media_type=JSON)

    @app.get(f"{API}/docs", tags=["about"])
    async def docs() -> Response:
        """Describe this interface on a page for people."""
        return Response((await described())["html"], media_type="text/html; charset=utf-8")


def _describe(app: FastAPI) -> dict[str, bytes]:
    from rrdnsd.web.openapi import describe  # noqa: PLC0415 -- nobody pays for it who does not ask

    schema = describe(app)
    return {"json": json.dumps(schema, separators=(",", ":")).encode(), "html": page(schema).encode()}


def page(schema: dict[str, Any]) -> str:
    """Write the page."""
    found = [
        (method.upper(), path, operation)
        for path, item in schema["paths"].items()
        for method, operation in item.items()
    ]
    index = [
        f'<li><a href="#{_anchor(m, p)}">{m} {escape(p)}</a> {escape(_words(o))}</li>' for m, p, o in found
    ]
    return _PAGE.format(
        version=escape(schema["info"]["version"]),
        about=escape(schema["info"]["description"]),
        api=API,
        index="\n".join(index),
        operations="\n".join(_operation(m, p, o, schema) for m, p, o in found),
    )


def _anchor(method: str, path: str) -> str:
    return f"{method.lower()}{path.replace('/', '-')}"


def _words(operation: dict[str, Any]) -> str:
    return str(operation.get("description", ""))


def _operation(method: str, path: str, operation: dict[str, Any], schema: dict[str, Any]) -> str:
    parts = [f'<section id="{_anchor(method, path)}">', f"<h2>{method} <code>{escape(path)}</code></h2>"]
    parts.append(f"<p>{escape(_words(operation))}</p>")
    parameters = [(p["name"], p.get("required", False), p) for p in operation.get("parameters", ())]
    if "requestBody" in operation:
        (body,) = operation["requestBody"]["content"].values()
        model = schema["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
        needed = model.get("required", ())
        parameters += [(name, name in needed, prop) for name, prop in model["properties"].items()]
    if parameters:
        rows = "\n".join(_row(*parameter) for parameter in parameters)
        parts.append(f"<table>\n<tr><th>field</th><th></th><th>meaning</th></tr>\n{rows}\n</table>")
    if "requestBody" in operation:
        example = json.dumps(body["example"], indent=2)
        parts.append(f"<pre>{escape(f'POST {path}')}\n\n{escape(example)}</pre>")
    answers = "\n".join(
        f"<li>{status}: {escape(told['description'])}</li>" for status, told in operation["responses"].items()
    )
    return "\n".join(
        [*parts, f"<details><summary>Answers</summary>\n<ul>\n{answers}\n</ul>\n</details>", "</section>"]
    )


def _row(name: str, needed: bool, prop: dict[str, Any]) -> str:
    meaning = escape(prop.get("description", ""))
    return f"<tr><td><code>{escape(name)}</code></td><td>{'required' if needed else ''}</td><td>{meaning}</td></tr>"
