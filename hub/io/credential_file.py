"""The file of those who may enter the broker, and the lock of whoever changes it or the broker's files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.broker import credentials as pure
from hub.broker.credentials import Credentials
from hub.errors import RetryLater
from hub.io.files import PRIVATE, held, read_whole, write_over

NAME = "credentials"


@contextmanager
def kept(authority: Path) -> Iterator[CredentialFile]:
    """Hold the credentials in this folder while they or the broker's files change; raises `RetryLater`."""
    path = authority / NAME
    if not authority.is_dir():
        raise RetryLater(f"there is no folder {authority}; `kayasol-hub init` makes it")
    with held(path, "another command is changing who may enter the broker; wait until it has ended"):
        yield CredentialFile(path)


class CredentialFile:
    """The credentials as they are on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Credentials:
        """Read them; raises `RetryLater` or `ConfigError` in a sentence."""
        text = read_whole(self._path, "run this as the user who set the hub up, mostly root")
        return pure.parse(text.decode("utf-8", "replace"), str(self._path))

    def write(self, credentials: Credentials) -> None:
        """Put others in their place; after a power cut there are the old ones or the new, whole."""
        write_over(self._path, pure.render(credentials).encode(), PRIVATE)
