"""Keys from the environment: what can be read, and that no error shows one."""

from __future__ import annotations

import base64

import pytest

from tasks.errors import PrivacyError, RequestError
from tasks.privacy.keys import (
    KEY_BYTES,
    check_key_id,
    make_key,
    read_keyring,
    require_keyring,
    require_pseudonym_key,
)

KEY = base64.b64encode(bytes([250] * 32)).decode()
SHORT = base64.b64encode(bytes([251] * 31)).decode()


def test_first_key_encrypts_and_all_are_read() -> None:
    """Entries are separated by commas, with space around them or not."""
    other = base64.urlsafe_b64encode(bytes([251] * 32)).decode().rstrip("=")
    keyring = read_keyring({"NOCTURNE_ENCRYPTION_KEYS": f" 2026-10:{KEY} , old:{other}"})
    assert keyring is not None
    assert (keyring.first, dict(keyring.keys)) == (
        "2026-10",
        {"2026-10": bytes([250] * 32), "old": bytes([251] * 32)},
    )


def test_no_variable_is_no_keyring() -> None:
    """An empty variable is the same as none; who needs keys is told the variable and the command."""
    assert read_keyring({}) is None
    assert read_keyring({"NOCTURNE_ENCRYPTION_KEYS": " "}) is None
    with pytest.raises(
        PrivacyError, match=r"(?s)'encrypt' needs a key.*NOCTURNE_ENCRYPTION_KEYS.*nocturne new-key"
    ):
        require_keyring({}, "'encrypt'")
    with pytest.raises(
        PrivacyError, match=r"(?s)NOCTURNE_PSEUDONYM_KEY.*nocturne new-key --pseudonym"
    ):
        require_pseudonym_key({}, "'pseudonymise'")


@pytest.mark.parametrize(
    "entries",
    [
        KEY,  # no id
        f":{KEY}",
        f"{KEY}:old",  # the wrong way round
        f"old:{SHORT}",
        f"old:{KEY}AAAA",
        "old:not base64!",
        f"old:{KEY},",
        f"an id of words:{KEY}",
        f"{'x' * 33}:{KEY}",
    ],
)
def test_unusable_entries_are_named_by_number_and_never_shown(entries: str) -> None:
    """An error reaches logs; what stands in the variable must not."""
    with pytest.raises(PrivacyError, match=r"Entry \d of .* NOCTURNE_ENCRYPTION_KEYS") as caught:
        read_keyring({"NOCTURNE_ENCRYPTION_KEYS": entries})
    assert KEY[:10] not in str(caught.value)
    assert SHORT[:10] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_id_twice_is_an_error() -> None:
    """Tokens name one key."""
    with pytest.raises(PrivacyError, match="two keys with the id 'old'"):
        read_keyring({"NOCTURNE_ENCRYPTION_KEYS": f"old:{KEY},old:{KEY}"})


@pytest.mark.parametrize(
    ("value", "found"), [(SHORT, "holds 31 bytes"), ("not base64!", "is no base64")]
)
def test_weak_pseudonym_key_is_refused_and_not_shown(value: str, found: str) -> None:
    """A short key could be guessed, and with it every pseudonym."""
    with pytest.raises(PrivacyError, match=found) as caught:
        require_pseudonym_key({"NOCTURNE_PSEUDONYM_KEY": value}, "'pseudonymise'")
    assert value not in str(caught.value)


def test_keyring_does_not_show_its_keys() -> None:
    """Neither in a log nor in a traceback that shows local variables."""
    keyring = read_keyring({"NOCTURNE_ENCRYPTION_KEYS": f"old:{KEY}"})
    assert repr(keyring) == "Keyring()"


def test_new_keys_are_long_and_different() -> None:
    """256 random bits."""
    keys = {make_key() for _ in range(20)}
    assert len(keys) == 20
    assert all(len(base64.b64decode(key)) == KEY_BYTES for key in keys)


def test_key_ids_are_short_words() -> None:
    """What could be a key is no id."""
    check_key_id("2026-10_b.1")
    for bad in ("", "a:b", "a,b", KEY, "-x"):
        with pytest.raises(RequestError, match="id cannot be used"):
            check_key_id(bad)
