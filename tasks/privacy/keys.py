"""The keys of pseudonyms and of encryption: read from the environment, never shown.

Used by ``Protector`` and by ``nocturne decrypt``.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.errors import PrivacyError, RequestError

PSEUDONYM_VARIABLE = "NOCTURNE_PSEUDONYM_KEY"
ENCRYPTION_VARIABLE = "NOCTURNE_ENCRYPTION_KEYS"

KEY_BYTES = 32  # AES-256's, and what HMAC-SHA256 makes full use of
# At most 32 signs and none of base64's own: a key that stands in the wrong place is no key id, so
# no error that names a key id can show a key.
KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,31}")
_HOW_TO = "make one by 'nocturne new-key' (docs/privacy.md), and give it to every process that runs the night"


@dataclass(frozen=True)
class Keyring:
    """The encryption keys by their ids; the first encrypts, all of them decrypt.

    Parameters
    ----------
    keys : mapping of str to bytes
        256 bits each; at least one.
    """

    # repr=False: a traceback that shows this object must not show what is in it.
    keys: Mapping[str, bytes] = field(repr=False)

    @property
    def first(self) -> str:
        """Id of the key that encrypts."""
        return next(iter(self.keys))


def read_keyring(environ: Mapping[str, str]) -> Keyring | None:
    """Read the encryption keys; None where there are none.

    Parameters
    ----------
    environ : mapping of str to str
        ``NOCTURNE_ENCRYPTION_KEYS`` holds entries ``id:base64``, separated by commas.

    Raises
    ------
    PrivacyError
        When an entry cannot be used; names its number, never what stands there.
    """
    text = environ.get(ENCRYPTION_VARIABLE, "").strip()
    if not text:
        return None
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(text.split(","), start=1):
        key_id, colon, encoded = entry.strip().partition(":")
        key = _decode(encoded)
        if not colon or not KEY_ID.fullmatch(key_id) or key is None or len(key) != KEY_BYTES:
            raise PrivacyError(
                f"Entry {number} of the environment variable {ENCRYPTION_VARIABLE} cannot be used.",
                expected=f"id:base64 with {KEY_BYTES} bytes, entries separated by commas; an id has "
                "up to 32 letters, digits, points, dashes or underscores",
                hint=_HOW_TO,
            )
        if key_id in keys:
            raise PrivacyError(
                f"{ENCRYPTION_VARIABLE} has two keys with the id {key_id!r}.",
                expected="every id once: tokens name the key that opens them",
                hint="give the newer key another id",
            )
        keys[key_id] = key
    return Keyring(keys)


def require_keyring(environ: Mapping[str, str], why: str) -> Keyring:
    """Read the encryption keys; an error that says why they are needed where there are none."""
    keyring = read_keyring(environ)
    if keyring is None:
        raise PrivacyError(
            f"{why} needs a key, and the environment variable {ENCRYPTION_VARIABLE} is not set.",
            expected="id:base64, or several of them separated by commas; the first encrypts",
            hint=_HOW_TO,
        )
    return keyring


def require_pseudonym_key(environ: Mapping[str, str], why: str) -> bytes:
    """Read the key of pseudonyms.

    Parameters
    ----------
    environ : mapping of str to str
        ``NOCTURNE_PSEUDONYM_KEY`` holds base64 of at least 32 bytes.
    why : str
        What it is needed for.

    Returns
    -------
    bytes

    Raises
    ------
    PrivacyError
        When it is missing, no base64 or too short.
    """
    text = environ.get(PSEUDONYM_VARIABLE, "").strip()
    expected = f"base64 of at least {KEY_BYTES} random bytes, the same in every night"
    if not text:
        raise PrivacyError(
            f"{why} needs a key, and the environment variable {PSEUDONYM_VARIABLE} is not set.",
            expected=expected,
            hint=_HOW_TO.replace("new-key", "new-key --pseudonym"),
        )
    key = _decode(text)
    if key is None or len(key) < KEY_BYTES:
        found = "is no base64" if key is None else f"holds {len(key)} bytes"
        raise PrivacyError(
            f"The environment variable {PSEUDONYM_VARIABLE} {found}.",
            expected=expected,
            hint=_HOW_TO.replace("new-key", "new-key --pseudonym"),
        )
    return key


def make_key() -> str:
    """Make a random key, as base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def check_key_id(key_id: str) -> None:
    """Check the id of a new key.

    Raises
    ------
    RequestError
        When it has other signs, or more than 32.
    """
    if not KEY_ID.fullmatch(key_id):
        raise RequestError(
            "The key's id cannot be used.",
            expected="up to 32 letters, digits, points, dashes or underscores, a letter or digit first",
            hint="give another --id, such as 2026-10",
        )


def _decode(text: str) -> bytes | None:
    """Read standard or URL-safe base64, with or without its padding."""
    bare = text.strip().replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
