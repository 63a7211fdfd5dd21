"""rrdnsd: probes, votes and keeps round-robin A/AAAA records right on ordinary DNS servers."""

__version__ = "0.1.0"
