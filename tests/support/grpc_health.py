"""gRPC's own server (grpcio, which is an HTTP/2 server in C++) with a health service whose answers a test chooses."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

CHECK = "/grpc.health.v1.Health/Check"
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


class Health(grpc.GenericRpcHandler):
    """`statuses` maps the name of a service to the bytes of the answer, or to what is to be called instead."""

    def __init__(self, statuses):
        self.statuses = statuses
        self.asked = []

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self._check) if details.method == CHECK else None

    def _check(self, request, context):
        name = request[2:].decode()
        self.asked.append((name, dict(context.invocation_metadata()), context.peer()))
        answer = self.statuses.get(name)
        if answer is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return answer(context) if callable(answer) else answer


@contextmanager
def health_server(statuses, address="127.0.0.1", certificate=None):
    """A running server; gives its port and its handler."""
    handler = Health(statuses)
    server = grpc.server(ThreadPoolExecutor(4), handlers=[handler])
    where = f"[{address}]:0" if ":" in address else f"{address}:0"
    if certificate is None:
        port = server.add_insecure_port(where)
    else:
        chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
        pair = [(certificate.private_key_pem.bytes(), chain)]
        port = server.add_secure_port(where, grpc.ssl_server_credentials(pair))
    server.start()
    try:
        yield port, handler
    finally:
        server.stop(0).wait(5)
