"""What is set on a site or hub without touching code: device profiles, boards, schemas, units, broker settings."""

from __future__ import annotations

from importlib import resources

from firmware_config.document import ConfigError, Document, Path, load

__all__ = ["ConfigError", "Document", "Path", "board_text", "load", "profile_names", "profile_text"]

_HERE = resources.files("firmware_config")


def profile_names() -> list[str]:
    """List the device profiles that come with Kayasol."""
    return sorted(item.name.removesuffix(".yaml") for item in _HERE.joinpath("devices").iterdir())


def profile_text(name: str) -> str:
    """Read a device profile by name; raises `ConfigError` naming the profiles there are."""
    return _text("devices", name, f"there is no device profile {name!r}; there are {', '.join(profile_names())}")


def board_text(name: str) -> str:
    """Read a board file by name; raises `ConfigError` naming the boards there are."""
    names = sorted(item.name.removesuffix(".yaml") for item in _HERE.joinpath("boards").iterdir())
    return _text("boards", name, f"there is no board {name!r}; there are {', '.join(names)}")


def _text(folder: str, name: str, complaint: str) -> str:
    try:
        return _HERE.joinpath(folder, f"{name}.yaml").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(complaint) from error
