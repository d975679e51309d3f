"""Secrets and their hashes as brokers take them; sole importer of bcrypt.

Every secret here is 256 bits of chance, which nobody finds by trying: the hashes keep a stolen file from being a key,
and need not be slow. A slow one would cost at every connection, and nats-server checks every connected client again
whenever it reads its files.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode

import bcrypt

from hub.broker.credentials import Hashes

_SECRET_BYTES = 32
_SALT_BYTES = 12
_ROUNDS = 101
"""Those of `mosquitto_passwd`."""
_COST = 4
"""The lowest that bcrypt has."""


def new_secret() -> str:
    """Draw a secret that fits into a line of a file."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hashes_of(secret: str) -> Hashes:
    """Hash a secret for each kind of broker."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ROUNDS)
    return Hashes(
        mosquitto=f"$7${_ROUNDS}${b64encode(salt).decode()}${b64encode(digest).decode()}",
        nats=bcrypt.hashpw(secret.encode(), bcrypt.gensalt(_COST)).decode(),
    )
