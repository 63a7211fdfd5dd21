"""How far a probe has come: what its timeout is explained with, and what is timed."""

from time import monotonic

from rrdnsd.core.model import ProbeResult, Timings

CONNECTING = "while connecting"
HANDSHAKE = "in TLS handshake"


class Progress:
    """Begins when it is made."""

    __slots__ = ("began", "connected", "first_byte", "secured", "stage")

    def __init__(self) -> None:
        self.stage = CONNECTING
        self.connected: float | None = None
        self.secured: float | None = None
        self.first_byte: float | None = None
        self.began = monotonic()

    def timings(self) -> Timings:
        """Return what was reached, up to now."""
        began, connected = self.began, self.connected
        return Timings(
            monotonic() - began,
            None if connected is None else connected - began,
            None if self.secured is None or connected is None else self.secured - connected,
            None if self.first_byte is None else self.first_byte - began,
        )

    def failed(self, reason: str, cert_days: int | None = None) -> ProbeResult:
        """Return the result of a probe that ends badly now."""
        return ProbeResult(ok=False, reason=reason, timings=self.timings(), cert_days=cert_days)
