"""Encrypted values as text tokens, by AES-GCM: who has the key reads them, and nobody changes or moves them.

Pure; used by ``Protector`` to encrypt and by ``tasks.privacy.decryption`` to read back. A token is
``nocturne:1:<key id>:<base64url of nonce and ciphertext>``.
"""

from __future__ import annotations

import base64
import os
import re
from typing import TYPE_CHECKING

import pyarrow as pa

from tasks.errors import PrivacyError
from tasks.privacy.keys import ENCRYPTION_VARIABLE, KEY_ID, Keyring

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PREFIX = "nocturne:1:"
_NONCE_BYTES = 12  # the 96 bits that GCM is made for
_TAG_BYTES = 16
_TOKEN = re.compile(rf"{_PREFIX}({KEY_ID.pattern}):([A-Za-z0-9_-]+)")


class TokenCipher:
    """Encrypts and decrypts the values of one workflow.

    Parameters
    ----------
    keyring : Keyring
    workflow : str
        Its name. It and the column's name are authenticated with every value, so that a token
        cannot be moved to another column or workflow.

    Notes
    -----
    AES-256-GCM with a random 96-bit nonce for every value [1]_: equal values give different
    tokens. At most 2^32 values should be encrypted with one key.

    References
    ----------
    .. [1] NIST SP 800-38D, https://doi.org/10.6028/NIST.SP.800-38D
    """

    def __init__(self, keyring: Keyring, workflow: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._ciphers: dict[str, AESGCM] = {i: AESGCM(key) for i, key in keyring.keys.items()}
        self._first = keyring.first
        self._workflow = workflow

    def encrypt(self, text: str, column: str) -> str:
        """Encrypt one value of a column with the first key."""
        return self._encrypt(text, self._associate(column), os.urandom(_NONCE_BYTES))

    def encrypt_column(self, text: pa.StringArray, column: str) -> pa.StringArray:
        """Encrypt the values of a column with the first key; missing stays missing."""
        associated = self._associate(column)
        nonces = os.urandom(
            _NONCE_BYTES * len(text)
        )  # one call to the system, not one for each row
        return pa.array(
            [
                None
                if value is None
                else self._encrypt(value, associated, nonces[at : at + _NONCE_BYTES])
                for value, at in zip(
                    text.to_pylist(), range(0, len(nonces), _NONCE_BYTES), strict=True
                )
            ],
            pa.string(),
        )

    def decrypt(self, token: str, column: str, *, where: str) -> str:
        """Decrypt one token.

        Parameters
        ----------
        token : str
        column : str
            The column it was encrypted in.
        where : str
            For the error: "row 3, column 'email'".

        Returns
        -------
        str

        Raises
        ------
        PrivacyError
            When it is no token, its key is not there, or it was changed or moved.
        """
        from cryptography.exceptions import InvalidTag

        match = _TOKEN.fullmatch(token)
        sealed = _decode(match[2]) if match else b""
        if match is None or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise PrivacyError(
                f"There is no token at {where}.",
                expected=f"{_PREFIX}<key id>:<base64url>",
                hint="name only columns that the workflow encrypts",
            )
        key_id = match[1]
        if key_id not in self._ciphers:
            raise PrivacyError(
                f"The token at {where} was encrypted with the key {key_id!r}, which is not there.",
                expected=f"one of the keys {', '.join(map(repr, self._ciphers))}",
                hint=f"add the entry '{key_id}:...' to {ENCRYPTION_VARIABLE}",
            )
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            plain = self._ciphers[key_id].decrypt(nonce, ciphertext, self._associate(column))
        except InvalidTag:
            raise PrivacyError(
                f"The token at {where} cannot be opened by the key {key_id!r}.",
                expected=f"a token of the workflow {self._workflow!r} and the column {column!r} as it was "
                "written, and the key that wrote it",
                hint="it was changed or moved, '--workflow' is another one, or the id is that of another key",
            ) from None
        return plain.decode()

    def _encrypt(self, text: str, associated: bytes, nonce: bytes) -> str:
        sealed = nonce + self._ciphers[self._first].encrypt(nonce, text.encode(), associated)
        encoded = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        return f"{_PREFIX}{self._first}:{encoded}"

    def _associate(self, column: str) -> bytes:
        # A workflow's name has no colon, so two different pairs never give the same bytes.
        return f"{_PREFIX}{self._workflow}:{column}".encode()


def is_token(text: str) -> bool:
    """Whether a text looks like an encrypted value."""
    return _TOKEN.fullmatch(text) is not None


def _decode(text: str) -> bytes:
    # A length that no base64 has is a cut token: too short for a nonce and a tag.
    return b"" if len(text) % 4 == 1 else base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
