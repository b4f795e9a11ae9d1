"""The secrets are made once, for their owner alone."""

import base64
import json
import stat

import pytest

from tasks.errors import ServiceError
from tasks.services.secrets import (
    ensure_secrets,
    passwords_file,
    read_secrets,
    secrets_file,
    write_passwords_file,
)
from tasks.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_readable_by_their_owner_only(settings):
    """The file has mode 0600 and the folder around it 0700, whatever the umask lets through."""
    ensure_secrets(settings)
    assert mode_of(secrets_file(settings)) == 0o600
    assert mode_of(settings.home) == 0o700


def test_secrets_are_made_once(settings):
    """A second start finds the secrets of the first."""
    assert ensure_secrets(settings) == ensure_secrets(settings)


def test_secrets_differ_from_home_to_home(tmp_path):
    """No secret is a constant."""
    one = ensure_secrets(Settings(home=tmp_path / "one"))
    other = ensure_secrets(Settings(home=tmp_path / "other"))
    for name in ("admin_password", "jwt_secret", "api_secret_key", "fernet_key"):
        assert getattr(one, name) != getattr(other, name)


def test_fernet_key_is_32_bytes(settings):
    """Fernet keys are the urlsafe base64 of 32 bytes."""
    assert len(base64.urlsafe_b64decode(ensure_secrets(settings).fernet_key)) == 32


def test_secrets_are_not_shown(settings):
    """A traceback that shows the object shows no secret."""
    made = ensure_secrets(settings)
    assert made.admin_password not in repr(made)


def test_secrets_opened_to_others_are_closed_again(settings):
    """A file that others may read is corrected, and keeps its content."""
    made = ensure_secrets(settings)
    secrets_file(settings).chmod(0o644)
    assert ensure_secrets(settings) == made
    assert mode_of(secrets_file(settings)) == 0o600


def test_passwords_file_holds_the_admin_for_airflow(settings):
    """Airflow's simple auth manager reads a JSON object of names and passwords."""
    made = ensure_secrets(settings)
    path = write_passwords_file(settings, made)
    assert path == passwords_file(settings)
    assert json.loads(path.read_text()) == {"admin": made.admin_password}
    assert mode_of(path) == 0o600


def test_reading_before_the_first_start_says_what_to_do(settings):
    """Without secrets there were no services."""
    with pytest.raises(ServiceError, match=r"never started from here(.|\n)*nocturne up"):
        read_secrets(settings)


@pytest.mark.parametrize("content", ["", "[]", '{"admin_password": "x"}'])
def test_damaged_secrets_are_not_replaced(settings, content):
    """Connections are encrypted with them, so they are never made anew behind one's back."""
    ensure_secrets(settings)
    secrets_file(settings).write_text(content)
    with pytest.raises(ServiceError, match="cannot be read"):
        ensure_secrets(settings)
    assert secrets_file(settings).read_text() == content
