"""The centre: takes batches from the sites, keeps ledger and series, and answers what people ask."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("kayasol")
except PackageNotFoundError:  # a source tree that was never installed
    VERSION = "0"
