"""Tokens: read back by who has the key, and by nobody else; changed or moved ones are told."""

from __future__ import annotations

import base64

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.errors import PrivacyError
from tasks.privacy.keys import Keyring
from tasks.privacy.tokens import TokenCipher, is_token

OLD, NEW = bytes([1] * 32), bytes([2] * 32)
CIPHER = TokenCipher(Keyring({"old": OLD}), "people")
WHERE = "row 1, column 'name'"


@settings(max_examples=80, deadline=None)
@given(st.text())
def test_what_was_encrypted_is_decrypted(text: str) -> None:
    """Any text, to the letter; also an empty one, and one that is a token already."""
    token = CIPHER.encrypt(text, "name")
    assert is_token(token)
    assert CIPHER.decrypt(token, "name", where=WHERE) == text
    twice = CIPHER.encrypt(token, "name")
    assert CIPHER.decrypt(twice, "name", where=WHERE) == token


def test_token_is_aes_gcm_over_workflow_and_column() -> None:
    """The format as documented, opened by the library itself."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    prefix, version, key_id, encoded = CIPHER.encrypt("Ada", "name").split(":")
    sealed = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    assert (prefix, version, key_id, len(sealed)) == ("nocturne", "1", "old", 12 + 3 + 16)
    assert AESGCM(OLD).decrypt(sealed[:12], sealed[12:], b"nocturne:1:people:name") == b"Ada"


def test_equal_values_give_different_tokens() -> None:
    """Nobody sees who is the same person: every value has its own nonce."""
    tokens = CIPHER.encrypt_column(pa.array(["Ada"] * 50 + [None, ""]), "name").to_pylist()
    assert tokens[50] is None
    assert len(set(tokens)) == 52
    assert [CIPHER.decrypt(t, "name", where=WHERE) for t in tokens if t] == ["Ada"] * 50 + [""]


def test_every_changed_sign_is_found() -> None:
    """Of nonce, text and tag, nothing can be changed unnoticed."""
    token = CIPHER.encrypt("Ada", "name")
    head, _, sealed = token.rpartition(":")
    content = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    for i in range(len(content)):
        changed = bytearray(content)
        changed[i] ^= 1
        bad = f"{head}:{base64.urlsafe_b64encode(changed).decode().rstrip('=')}"
        with pytest.raises(PrivacyError, match=r"row 1, column 'name'.*'old'"):
            CIPHER.decrypt(bad, "name", where=WHERE)


def test_tokens_cannot_be_moved() -> None:
    """Not to another column, not to another workflow."""
    token = CIPHER.encrypt("Ada", "name")
    with pytest.raises(PrivacyError, match="cannot be opened"):
        CIPHER.decrypt(token, "email", where=WHERE)
    with pytest.raises(PrivacyError, match="cannot be opened"):
        TokenCipher(Keyring({"old": OLD}), "others").decrypt(token, "name", where=WHERE)


def test_wrong_and_missing_keys_are_told_by_id() -> None:
    """Another key under the same id, and an id that is not there."""
    token = CIPHER.encrypt("Ada", "name")
    with pytest.raises(PrivacyError, match="cannot be opened by the key 'old'"):
        TokenCipher(Keyring({"old": NEW}), "people").decrypt(token, "name", where=WHERE)
    with pytest.raises(PrivacyError, match="the key 'old', which is not there") as caught:
        TokenCipher(Keyring({"new": NEW}), "people").decrypt(token, "name", where=WHERE)
    assert "'new'" in str(caught.value)


def test_after_rotation_old_tokens_open_and_new_ones_need_the_new_key() -> None:
    """The first key encrypts, all decrypt."""
    both = TokenCipher(Keyring({"new": NEW, "old": OLD}), "people")
    assert both.decrypt(CIPHER.encrypt("Ada", "name"), "name", where=WHERE) == "Ada"
    assert both.encrypt("Ada", "name").startswith("nocturne:1:new:")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ada",
        "nocturne:1:old:",
        "nocturne:1:old:AAAA",
        "nocturne:1:old:AAAAA",  # a length that no base64 has
        "nocturne:2:old:" + "A" * 60,
        "nocturne:1:an id:" + "A" * 60,
        "nocturne:1:old:" + "A" * 60 + "\n",
        "x nocturne:1:old:" + "A" * 60,
    ],
)
def test_what_is_no_token_is_told_and_not_shown(text: str) -> None:
    """A value that was never encrypted may be personal: the error says where, not what."""
    with pytest.raises(PrivacyError, match="no token at row 1, column 'name'") as caught:
        CIPHER.decrypt(text, "name", where=WHERE)
    assert "Ada" not in str(caught.value)
