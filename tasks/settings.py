"""Where things are and how services are reached, read from the environment in one place.

Ground module: the command line, the services and the steps all start from ``Settings.from_environment()``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.errors import RequestError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_VARIABLES = {
    "NOCTURNE_HOME": "home",
    "NOCTURNE_WORKFLOWS": "workflows_dir",
    "NOCTURNE_EXPECTATIONS": "expectations_dir",
    "NOCTURNE_DAGS": "dags_dir",
    "NOCTURNE_TRACKING_URI": "tracking_uri",
    "NOCTURNE_ARTIFACT_LOCATION": "artifact_location",
    "NOCTURNE_AIRFLOW_PORT": "airflow_port",
    "NOCTURNE_MLFLOW_PORT": "mlflow_port",
    "NOCTURNE_MNIST": "mnist_file",
}


class Settings(BaseModel):
    """Folders, ports and addresses of one Nocturne.

    Every field has an environment variable (in brackets); nothing is created by reading them.

    Parameters
    ----------
    home : Path
        Runtime state: Airflow home, MLflow database and artifacts, logs, secrets [NOCTURNE_HOME].
    workflows_dir : Path
        The folder of workflow files [NOCTURNE_WORKFLOWS].
    expectations_dir : Path
        The folder of Great Expectations suites [NOCTURNE_EXPECTATIONS].
    dags_dir : Path
        The folder that Airflow reads DAG files from [NOCTURNE_DAGS].
    tracking_uri : str
        MLflow's address; by default a SQLite file under ``home`` [NOCTURNE_TRACKING_URI].
    artifact_location : str
        Where new MLflow experiments keep their artifacts, as a URI; by default a folder under ``home``
        while MLflow runs on this machine, and the server's own choice otherwise
        [NOCTURNE_ARTIFACT_LOCATION].
    airflow_port, mlflow_port : int
        Loopback ports of the two web servers [NOCTURNE_AIRFLOW_PORT, NOCTURNE_MLFLOW_PORT].
    mnist_file : Path or None
        A local ``mnist.npz`` to use in place of a download [NOCTURNE_MNIST].
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_root: Path = PROJECT_ROOT
    home: Path = PROJECT_ROOT / ".nocturne"
    workflows_dir: Path = PROJECT_ROOT / "workflows"
    expectations_dir: Path = PROJECT_ROOT / "expectations"
    dags_dir: Path = PROJECT_ROOT / "dags"
    tracking_uri: str = ""
    artifact_location: str = ""
    airflow_port: int = Field(default=8080, ge=1, le=65535)
    mlflow_port: int = Field(default=5000, ge=1, le=65535)
    mnist_file: Path | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from environment variables.

        Parameters
        ----------
        environment : mapping of str to str, optional
            Used in place of ``os.environ``.

        Returns
        -------
        Settings

        Raises
        ------
        RequestError
            When a variable holds a value that cannot be used.
        """
        source = os.environ if environment is None else environment
        given = {field: source[name] for name, field in _VARIABLES.items() if source.get(name)}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            field = str(error.errors()[0]["loc"][0])
            name = next(n for n, f in _VARIABLES.items() if f == field)
            raise RequestError(
                f"The environment variable {name} has the value {given[field]!r}.",
                expected=error.errors()[0]["msg"],
                hint=f"set {name} to a usable value, or unset it to get the default",
            ) from error
        paths = {
            name: getattr(settings, name).expanduser().resolve()
            for name in ("home", "workflows_dir", "expectations_dir", "dags_dir")
        }
        uri = settings.tracking_uri or f"sqlite:///{paths['home'] / 'mlflow' / 'mlflow.db'}"
        settings = settings.model_copy(update={**paths, "tracking_uri": uri})
        if not settings.artifact_location and uri.startswith(("sqlite:", settings.mlflow_url)):
            # A folder and not the server's proxy: runs made with and without the server find it.
            location = settings.artifact_root.as_uri()
            settings = settings.model_copy(update={"artifact_location": location})
        return settings

    @property
    def artifact_root(self) -> Path:
        """Folder of MLflow's artifacts when this machine keeps them."""
        return self.home / "mlflow" / "artifacts"

    @property
    def airflow_url(self) -> str:
        """Address of Airflow's web UI and API on this machine (host ``localhost``)."""
        return f"http://localhost:{self.airflow_port}"

    @property
    def mlflow_url(self) -> str:
        """Address of MLflow's web UI on this machine.

        The host is ``127.0.0.1`` and not ``localhost``, because cookies ignore ports: a page on
        Airflow's own host name could read Airflow's token, and MLflow shows HTML artifacts.
        """
        return f"http://127.0.0.1:{self.mlflow_port}"
