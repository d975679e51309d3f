"""The agent on a site's Raspberry Pi: reads controller and slots, keeps everything, delivers it to the hub."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("kayasol")
except PackageNotFoundError:  # a source tree that was never installed
    VERSION = "0"
