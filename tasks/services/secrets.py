"""The secrets of one Nocturne: made once, kept in a file only its owner may read.

``nocturne up`` makes them before the first component starts; whoever talks to Airflow reads them.
"""

from __future__ import annotations

import base64
import json
import logging
import secrets
import stat
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from tasks.errors import ServiceError
from tasks.services.private_files import FILE_MODE, make_private_folder, write_private
from tasks.settings import Settings

logger = logging.getLogger(__name__)

ADMIN = "admin"
_PASSWORD_BYTES = 15  # 20 characters, 120 bits: too many to guess, few enough to type
_KEY_BYTES = 64  # Airflow signs its tokens with HMAC-SHA512, whose key should not be shorter
_FERNET_BYTES = 32  # fixed by the Fernet specification


@dataclass(frozen=True)
class Secrets:
    """What Airflow's components share and what a person logs in with.

    Parameters
    ----------
    admin_password : str
        Password of Airflow's user ``admin``.
    jwt_secret : str
        Signs the tokens of users and of tasks.
    api_secret_key : str
        Signs the web sessions.
    fernet_key : str
        Encrypts connections and variables in Airflow's database (urlsafe base64 of 32 bytes).
    """

    # repr=False: a traceback that shows this object must not show what is in it.
    admin_password: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    api_secret_key: str = field(repr=False)
    fernet_key: str = field(repr=False)


def secrets_file(settings: Settings) -> Path:
    """Where the secrets of these settings are kept."""
    return settings.home / "secrets.json"


def passwords_file(settings: Settings) -> Path:
    """Where Airflow's simple auth manager looks up the password of ``admin``."""
    return settings.home / "airflow" / "passwords.json"


def ensure_secrets(settings: Settings) -> Secrets:
    """Read the secrets, making them first where there are none.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Secrets

    Raises
    ------
    ServiceError
        When a file is there and cannot be used.
    """
    path = secrets_file(settings)
    make_private_folder(path.parent)
    if not path.exists():
        made = Secrets(
            admin_password=secrets.token_urlsafe(_PASSWORD_BYTES),
            jwt_secret=secrets.token_urlsafe(_KEY_BYTES),
            api_secret_key=secrets.token_urlsafe(_KEY_BYTES),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(_FERNET_BYTES)).decode("ascii"),
        )
        write_private(path, json.dumps(asdict(made), indent=2) + "\n")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~FILE_MODE:
        logger.warning("%s was readable by others (mode %o): set to %o", path, mode, FILE_MODE)
        path.chmod(FILE_MODE)
    return read_secrets(settings)


def read_secrets(settings: Settings) -> Secrets:
    """Read the secrets that ``nocturne up`` made.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Secrets

    Raises
    ------
    ServiceError
        When there are none yet, or the file does not hold them all.
    """
    path = secrets_file(settings)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Secrets(**{each.name: str(content[each.name]) for each in fields(Secrets)})
    except FileNotFoundError as error:
        raise ServiceError(
            f"There are no secrets at {path}: the services were never started from here.",
            hint="run `nocturne up`, or point NOCTURNE_HOME at the folder they were started with",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ServiceError(
            f"The secrets in {path} cannot be read ({type(error).__name__}).",
            expected=f"a JSON object with {', '.join(each.name for each in fields(Secrets))}",
            hint="restore the file, or stop the services, delete it, and run `nocturne up` again "
            "(connections that Airflow stored encrypted must then be entered anew)",
        ) from error


def write_passwords_file(settings: Settings, known: Secrets) -> Path:
    """Write the password file that Airflow's simple auth manager reads.

    Parameters
    ----------
    settings : Settings
    known : Secrets

    Returns
    -------
    Path
        The file, mode 0600; Airflow would else make one with the process's usual mode and print
        the password into its log.
    """
    path = passwords_file(settings)
    make_private_folder(path.parent)
    write_private(path, json.dumps({ADMIN: known.admin_password}) + "\n")
    return path
