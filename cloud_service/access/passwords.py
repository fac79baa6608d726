"""Password hashes: argon2id for people and the embedded broker, PBKDF2 in mosquitto's form."""

import base64
import hashlib
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cloud_service.access.errors import WeakPassword

MIN_LENGTH = 12
PBKDF2_ROUNDS = 1_000
"""No number of rounds makes the 144 random bits of a device's password harder to guess. mosquitto works them out for
every connected device, one after the other, whenever it takes in accounts, and hears nobody meanwhile."""
_HASHER = PasswordHasher()  # argon2id, RFC 9106 low-memory profile: 64 MiB, 3 passes
_AT_ONCE = threading.BoundedSemaphore(2)  # each takes 64 MiB while it runs
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))


def new_password() -> str:
    """Make a password of 144 random bits."""
    return secrets.token_urlsafe(18)


def hash_password(password: str) -> str:
    """Hash with argon2id.

    Raises
    ------
    WeakPassword : under 12 characters.
    """
    if len(password) < MIN_LENGTH:
        raise WeakPassword("the password is too short", length=len(password), needed=MIN_LENGTH)
    with _AT_ONCE:
        return _HASHER.hash(password)


def password_matches(hashed: str | None, password: str) -> bool:
    """Check a password; takes the same time when there is no such account."""
    try:
        with _AT_ONCE:
            return _HASHER.verify(hashed or _NOBODY, password) and hashed is not None
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def mosquitto_hash(password: str) -> str:
    """Hash one of our own making as ``mosquitto_passwd`` does: ``$7$rounds$salt$hash``, PBKDF2-HMAC-SHA512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, PBKDF2_ROUNDS, dklen=64)
    return f"$7${PBKDF2_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
