"""`nocturne run`: a night in one process, and what bad input is answered with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests_support import write_flowers

from tasks.registry import CHAMPION, find_by_alias
from tasks.settings import Settings
from tasks.tracking import connect

pytestmark = pytest.mark.integration


def nocturne(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tasks", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a home of this module alone, with the small workflow."""
    folder = tmp_path_factory.mktemp("run with a space")
    return {"NOCTURNE_HOME": str(folder / "home"), **write_flowers(folder)}


@pytest.fixture(scope="module")
def nights(home: dict[str, str]) -> list[dict[str, Any]]:
    """The same night twice."""
    documents = []
    for _ in range(2):
        done = nocturne(home, "run", "flowers", "--night", "2026-01-03", "--json")
        assert done.returncode == 0, done.stderr[-3000:]
        documents.append(json.loads(done.stdout))
    return documents


def test_first_night_makes_a_champion_and_the_second_meets_it(nights: list[dict[str, Any]]) -> None:
    """The second night compares with the first's champion on the same hold-out; a tie keeps it."""
    first, second = nights
    assert first["decision"]["verdict"] == "promote"
    assert first["metrics"].get("champion") is None
    assert second["decision"]["verdict"] == "keep"
    assert second["metrics"]["champion"] == first["metrics"]["small"]
    assert [n["model"]["version"] for n in nights] == ["1", "2"]


def test_same_data_and_seed_give_the_same_figures(nights: list[dict[str, Any]]) -> None:
    """A night repeated is a night reproduced, on the same machine."""
    first, second = nights
    assert first["metrics"]["small"] == second["metrics"]["small"]
    assert first["metrics"]["logistic_regression"] == second["metrics"]["logistic_regression"]
    assert first["rows"] == second["rows"]


def test_report_stands_alone(home: dict[str, str], nights: list[dict[str, Any]]) -> None:
    """The night's page is one file that loads nothing."""
    folder = Path(home["NOCTURNE_HOME"]) / "mlflow" / "artifacts" / "flowers"
    pages = list(folder.glob("*/artifacts/report.html"))
    assert len(pages) == 2
    text = pages[0].read_text(encoding="utf-8")
    assert "becomes the first champion" in text + pages[1].read_text(encoding="utf-8")
    assert "<script" not in text


def test_champion_predicts_raw_rows_in_a_fresh_process(
    home: dict[str, str], nights: list[dict[str, Any]], tmp_path: Path
) -> None:
    """MLflow's own tools load the champion by its alias, far from this project's folder."""
    script = (
        "import mlflow, pandas as pd\n"
        f"mlflow.set_tracking_uri({Settings.from_environment(home).tracking_uri!r})\n"
        "model = mlflow.pyfunc.load_model('models:/flowers@champion')\n"
        "rows = pd.DataFrame([[5.0, 3.4, 1.4, 0.2]], columns=['sepal_length_cm', 'sepal_width_cm', "
        "'petal_length_cm', 'petal_width_cm'])\n"
        "print(model.predict(rows)['prediction'][0])\n"
    )
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == "setosa"


def test_version_is_printed(home: dict[str, str]) -> None:
    """`nocturne --version` needs no command."""
    done = nocturne(home, "--version")
    assert (done.returncode, done.stdout.strip()) == (0, "0.1.0")


def champion_of(home: dict[str, str]) -> str | None:
    found = find_by_alias(connect(Settings.from_environment(home)), "flowers", CHAMPION)
    return found.version if found else None


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "message"),
    [
        (["run", "flower"], {}, 2, "'flowers', perhaps"),
        (["run", "no/such/file.yaml"], {}, 2, "does not exist"),
        (["run", "flowers", "--night", "2025-12-31"], {}, 1, "2026-01-01"),
        (["run", "flowers", "--night", "31.12.2025"], {}, 2, "YYYY-MM-DD"),
        (["run", "flowers", "--nihgt"], {}, 2, "No such option"),
        (
            ["run", "flowers"],
            {"NOCTURNE_TRACKING_URI": "http://127.0.0.1:9"},
            1,
            "MLflow does not answer at http://127.0.0.1:9",
        ),
        (["run", "flowers"], {"NOCTURNE_MLFLOW_PORT": "many"}, 2, "NOCTURNE_MLFLOW_PORT"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_requests_are_answered(
    home: dict[str, str],
    nights: list[dict[str, Any]],
    arguments: list[str],
    variables: dict[str, str],
    code: int,
    message: str,
) -> None:
    """A clear message, the right exit code, no traceback, and the champion untouched."""
    done = nocturne({**home, **variables}, *arguments)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert champion_of(home) == "1"


def test_corrupted_mnist_is_named(home: dict[str, str], tmp_path: Path) -> None:
    """A file that is no mnist.npz fails the night with its name, before anything is trained."""
    file = tmp_path / "mnist.npz"
    file.write_bytes(b"PK\x03\x04 cut off")
    shipped = Path(__file__).resolve().parents[2]
    variables = {
        "NOCTURNE_HOME": home["NOCTURNE_HOME"],
        "NOCTURNE_WORKFLOWS": str(shipped / "workflows"),
        "NOCTURNE_EXPECTATIONS": str(shipped / "expectations"),
        "NOCTURNE_MNIST": str(file),
    }
    done = nocturne(variables, "run", "mnist")
    assert done.returncode == 1
    assert str(file) in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupted_night_is_closed(home: dict[str, str], nights: list[dict[str, Any]]) -> None:
    """Ctrl-C: exit code 130, and no MLflow run is left RUNNING."""
    import signal
    import time

    with subprocess.Popen(
        [sys.executable, "-m", "tasks", "run", "flowers"],
        env={**os.environ, **home},
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if "train." in line:
                break
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=60)
    assert running.returncode == 130
    client = connect(Settings.from_environment(home))
    experiment = client.get_experiment_by_name("flowers")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert "RUNNING" not in {run.info.status for run in runs}
