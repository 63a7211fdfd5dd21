"""The whole error tree. Each message is one sentence an operator can act on; none carries a secret."""


class RrdnsdError(Exception):
    """The root: anything rrdnsd raises on purpose."""


class ConfigError(RrdnsdError):
    """The configuration cannot be used.

    `problems` holds one sentence per mistake, each beginning with its path in the file
    (``services[2].ttl: ...``), so that all of them can be mended in one go.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(f"{source}: " + "; ".join(problems))

    def lines(self) -> str:
        """Write the mistakes one a line, each with the name of the file, which may hold bytes that are no text."""
        text = "\n".join(f"{self.source}: {problem}" for problem in self.problems)
        return text.encode("utf-8", "backslashreplace").decode()


class ProviderError(RrdnsdError):
    """A DNS server or vendor could not be read or written; the sentence says why and what would help.

    `retry_after` is how many seconds it asks to be left alone, where it says so.
    """

    def __init__(self, sentence: str = "", retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(sentence)


class PluginError(RrdnsdError):
    """A probe type, update method or notifier is not installed or does not keep its contract."""


class StartupError(RrdnsdError):
    """The daemon cannot start: a port is taken, a directory is not writable."""


class StoreError(RrdnsdError):
    """What had to be kept on disk could not be written or read; the sentence says why."""


class LedgerError(RrdnsdError, ValueError):
    """An order that cannot be passed on to the other nodes: out of bounds, or one too many."""


class NotifierError(RrdnsdError):
    """A message was not delivered; the sentence says why.

    `retry_after` is how many seconds the receiver asks to be left alone, where it says so. `final` means that
    the same message will hardly ever be taken.
    """

    def __init__(self, sentence: str = "", retry_after: float | None = None, *, final: bool = False) -> None:
        self.retry_after = retry_after
        self.final = final
        super().__init__(sentence)
