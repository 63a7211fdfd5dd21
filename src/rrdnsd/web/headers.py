"""The headers that every answer carries, so that a browser does nothing with it that it should not."""

from collections.abc import Mapping

_COMMON = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def with_security(media_type: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers completed by those that are missing for an answer of this media type."""
    policy = _PAGE if media_type.startswith("text/html") else _NOTHING
    own = {name.lower() for name in headers}
    wanted = {**_COMMON, "Content-Security-Policy": policy}
    return {**headers, **{name: value for name, value in wanted.items() if name.lower() not in own}}
