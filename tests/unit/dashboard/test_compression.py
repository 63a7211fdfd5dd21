import zlib
from types import SimpleNamespace

from rrdnsd.web.dashboard.compression import compressed


async def test_the_first_piece_can_be_read_before_the_second_is_made():
    made = []

    async def page():
        for piece in ("<head>", "<main>", "<footer>"):
            made.append(piece)
            yield piece

    request = SimpleNamespace(headers={"accept-encoding": "gzip"})
    body = compressed(request, page(), "text/html").body_iterator
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reader.decompress(await anext(body)) == b"<head>"
    assert made == ["<head>"]
    assert reader.decompress(b"".join([piece async for piece in body])) == b"<main><footer>"
    assert reader.eof
