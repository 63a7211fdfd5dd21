"""Runs a program for a provider: what goes wrong is one sentence."""

from rrdnsd import child
from rrdnsd.child import Ended, Job
from rrdnsd.errors import ProviderError


async def run(job: Job) -> Ended:
    """Run a program to its end; cancelled, it is killed.

    Raises:
        ProviderError: it cannot be started, does not end in time or prints too much.

    """
    program = job.command[0]
    try:
        ended = await child.run(job)
    except FileNotFoundError:
        raise ProviderError(f"{program} is not there, or the program its first line names") from None
    except TimeoutError:
        raise ProviderError(f"{program} did not end within {job.timeout:g} s and was killed") from None
    except OSError as error:
        raise ProviderError(f"{program} cannot be started: {error.strerror}") from None
    if ended.flooded:
        raise ProviderError(f"{program} printed more than {job.most} bytes and was killed")
    return ended
