"""What the processes we start find in their environment."""

import os
from pathlib import Path

import pytest
import sqlalchemy

from tasks.services.environment import URGENT_SLOTS, airflow_environment, mlflow_environment
from tasks.services.secrets import Secrets
from tasks.settings import Settings

SECRETS = Secrets(admin_password="p", jwt_secret="jwt", api_secret_key="api", fernet_key="fernet")

FOREIGN = {
    "AIRFLOW_HOME": "/other",
    "AIRFLOW__CORE__DAGS_FOLDER": "/other/dags",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "cat /other/secret",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW_CONN_OTHER": "postgres://other",
    "AIRFLOW_VAR_OTHER": "other",
    "_AIRFLOW_WWW_USER_CREATE": "true",
    "MLFLOW_TRACKING_URI": "http://other",
    "MLFLOW_RUN_ID": "other",
    "MLFLOW_EXPERIMENT_NAME": "other",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "UVICORN_HOST": "0.0.0.0",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other",
    "PYTHONPATH": "/other/lib",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@pytest.fixture
def settings(tmp_path):
    return Settings.from_environment(
        {
            "NOCTURNE_HOME": str(tmp_path / "home"),
            "NOCTURNE_AIRFLOW_PORT": "18080",
            "NOCTURNE_MLFLOW_PORT": "15000",
        }
    )


def build(settings, inherited=None, n_cards=0):
    return airflow_environment(settings, SECRETS, n_cards=n_cards, inherited=inherited or {})


def test_settings_of_another_airflow_do_not_leak(settings):
    """With or without another Airflow's and MLflow's settings around, ours are the same."""
    assert build(settings, FOREIGN) == build(settings)


def test_settings_of_another_mlflow_do_not_reach_the_server():
    """The server is steered by its command line alone."""
    assert mlflow_environment(inherited=FOREIGN) == mlflow_environment(inherited={})


def test_what_is_not_foreign_is_kept(settings):
    """A step may need what the user's shell holds."""
    kept = {"CUDA_VISIBLE_DEVICES": "1", "DATABASE_PASSWORD": "x", "NOCTURNE_KEY": "k"}
    assert build(settings, kept).items() >= kept.items()


def test_the_callers_environment_is_not_changed(settings):
    """The functions are pure."""
    inherited = dict(FOREIGN)
    build(settings, inherited)
    assert inherited == FOREIGN


def test_everything_listens_on_loopback(settings):
    """Hosts and addresses name this machine."""
    environment = build(settings)
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    url = environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert url == "http://127.0.0.1:18080/execution/"
    assert environment["AIRFLOW__API__BASE_URL"] == "http://localhost:18080"
    assert environment["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:15000"


def test_a_busy_database_ends_no_task(settings):
    """Whoever writes waits for whoever does, and no caller or scheduler loses patience before."""
    environment = build(settings)
    (settings.home / "airflow").mkdir(parents=True)
    engine = sqlalchemy.create_engine(environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with engine.connect() as connection:
        waits = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() / 1000
    assert waits == 60
    assert float(environment["AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT"]) >= waits
    assert float(environment["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"]) > waits


def test_steps_find_the_same_settings(settings, tmp_path):
    """A step that reads its environment gets the folders and ports of whoever called `up`."""
    settings = settings.model_copy(update={"mnist_file": tmp_path / "mnist.npz"})
    read = Settings.from_environment(build(settings))
    expected = settings.model_copy(update={"tracking_uri": "http://127.0.0.1:15000"})
    assert read == expected


@pytest.mark.parametrize(
    ("given", "backend"), [({}, "tensorflow"), ({"KERAS_BACKEND": "jax"}, "jax")]
)
def test_keras_backend_is_the_users_or_tensorflow(settings, given, backend):
    """One setting picks the backend."""
    assert build(settings, given)["KERAS_BACKEND"] == backend


@pytest.mark.parametrize(
    ("n_cards", "given", "expected"),
    [(0, {}, "0"), (2, {}, "1"), (2, {"NOCTURNE_GPU": "0"}, "0")],
)
def test_cards_turn_gpu_training_on_unless_the_user_says_no(settings, n_cards, given, expected):
    """NOCTURNE_GPU tells the DAGs whether training goes to the gpu pool."""
    assert build(settings, given, n_cards=n_cards)["NOCTURNE_GPU"] == expected


@pytest.mark.parametrize("n_cards", [0, 2])
def test_nights_leave_a_slot_for_what_is_urgent(settings, n_cards):
    """However many tasks and trainings run, a rollback starts at once."""
    environment = build(settings, n_cards=n_cards)
    taken = int(environment["AIRFLOW__CORE__DEFAULT_POOL_TASK_SLOT_COUNT"]) + n_cards
    assert int(environment["AIRFLOW__CORE__PARALLELISM"]) - taken == URGENT_SLOTS


def test_telemetry_is_off(settings):
    """Nothing reports to anybody."""
    environment = build(settings)
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert environment["GX_ANALYTICS_ENABLED"] == "false"
    assert environment["DO_NOT_TRACK"] == "true"


def test_a_proxy_is_not_asked_for_this_machine(settings):
    """Whatever the proxy is, loopback addresses are added to its exceptions."""
    given = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org,127.0.0.1"}
    assert build(settings, given)["NO_PROXY"] == "example.org,127.0.0.1,localhost,::1"


def test_tasks_and_preload_are_importable(settings):
    """Airflow's processes import our package and the module that preloads for tasks."""
    first, second = build(settings)["PYTHONPATH"].split(os.pathsep)
    assert first == str(settings.project_root)
    assert (Path(second) / "airflow_local_settings.py").is_file()
