"""Loads FastAPI and uvicorn without those of their parts that the daemon never uses, 4 MB that would stay for ever.

Nothing depends on it working: loaded in any other way they do the same and take more memory.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from pydantic import BaseModel, ConfigDict


def load() -> None:
    """Load them, for the first time in this process."""
    with _without_command_line():
        import uvicorn  # noqa: F401, PLC0415 -- this is where it is loaded
    with _models_on_demand():
        import fastapi  # noqa: F401, PLC0415 -- as above


@contextmanager
def without_pydantic_v1() -> Iterator[None]:
    """Keep FastAPI from loading pydantic's copy of its version 1 (1.3 MB), which it does to see that no route uses it."""
    name = "pydantic.v1"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # so an import fails, which FastAPI expects
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _without_command_line() -> Iterator[None]:
    """Keep uvicorn from loading its command line: click and multiprocessing, 1.4 MB."""
    name = "uvicorn.main"
    if "uvicorn" in sys.modules:
        yield
        return
    empty = ModuleType(name)
    vars(empty).update(dict.fromkeys(("Server", "main", "run")))
    sys.modules[name] = empty
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _models_on_demand() -> Iterator[None]:
    """Let FastAPI's models of OpenAPI be built when somebody asks for that document, if ever (1.5 MB)."""
    usual = BaseModel.model_config
    BaseModel.model_config = ConfigDict(defer_build=True)
    try:
        yield
    finally:
        BaseModel.model_config = usual
