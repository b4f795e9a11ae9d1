"""What `up`, `down` and `status` refuse or report without starting anything."""

import socket

import pytest

from tasks.errors import RequestError, ServiceError
from tasks.services.airflow_api import AirflowClient
from tasks.services.stack import down, status, up


def test_taken_port_starts_nothing(settings):
    """A port is looked at before the first process starts."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = settings.model_copy(update={"mlflow_port": server.getsockname()[1]})
        with pytest.raises(ServiceError, match="NOCTURNE_MLFLOW_PORT"):
            up(taken)
    assert status(taken).is_down
    assert not (settings.home / "secrets.json").exists()


def test_one_port_for_both_is_refused(settings):
    """Airflow and MLflow cannot share a port."""
    same = settings.model_copy(update={"airflow_port": 5000, "mlflow_port": 5000})
    with pytest.raises(RequestError, match="both to listen on port 5000"):
        up(same)


def test_home_that_cannot_be_written_says_what_to_do(settings, tmp_path):
    """The error names the path and the variable."""
    (tmp_path / "file").write_text("")
    nowhere = settings.model_copy(update={"home": tmp_path / "file" / "home"})
    with pytest.raises(ServiceError, match=r"cannot write to (.|\n)*NOCTURNE_HOME"):
        up(nowhere)


def test_down_where_nothing_was_started_makes_nothing(settings):
    """`down` finds nothing and leaves no folder behind."""
    assert down(settings) == []
    assert not settings.home.exists()


def test_client_without_services_says_what_to_do(settings):
    """A closed port means that the services are not up."""
    with (
        AirflowClient("http://localhost:1", "admin", "x") as airflow,
        pytest.raises(ServiceError, match=r"does not answer(.|\n)*nocturne up"),
    ):
        airflow.dags()
