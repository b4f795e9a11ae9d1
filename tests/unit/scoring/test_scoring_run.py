"""Whole scorings on a real MLflow: rows are read, predicted, written, and compared with the training rows."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from scoring_support import as_arrived, make_customers, make_shop, register_champion, write_csv
from series_support import make_days, make_series_workflow, save_last_value

from tasks.dataset import Dataset
from tasks.errors import PrivacyError, RequestError, ScoringError, SourceError
from tasks.registry import CHAMPION
from tasks.reporting import scoring_step
from tasks.scoring_run import ScoringResult, fetch_predictions, run_scoring
from tasks.settings import Settings
from tasks.tracking import Handoff, fetch_artifact, find_night, tags
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

TODAY = datetime.date(2026, 1, 9)


@pytest.fixture
def shop(client: MlflowClient, settings: Settings, tmp_path: Path) -> Path:
    """A champion trained on 600 customers; gives the folder from which paths of files are taken."""
    register_champion(
        client, settings, make_shop(), as_arrived(make_customers(600)), tmp_path / "night"
    )
    folder = tmp_path / "workflows"
    folder.mkdir()
    return folder


@pytest.fixture
def charts() -> None:
    """Asked for by tests that look at the page: its charts are drawn."""


@pytest.fixture(autouse=True)
def draws_no_charts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere they are left out: they take longer than all else here."""
    if "charts" not in request.fixturenames:
        monkeypatch.setattr(scoring_step, "draw_drift", lambda _: iter(()))


def score(settings: Settings, folder: Path, workflow: Workflow | None = None, **options: Any) -> ScoringResult:  # fmt: skip
    return run_scoring(settings, workflow or make_shop(), folder, TODAY, **options)


def get(client: MlflowClient, settings: Settings, result: ScoringResult, name: str) -> Path:
    handoff = Handoff.from_json(result.outputs[name])
    return fetch_artifact(client, handoff, settings.home / "fetched" / handoff.sha256)


def read(client: MlflowClient, settings: Settings, result: ScoringResult, name: str) -> pa.Table:
    return Dataset.open(get(client, settings, result, name)).table()


def test_new_rows_without_a_target_are_predicted(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """Each with its id, the probabilities, the version, the night and when; no drift in more of the same."""
    rows = make_customers(900).drop_columns(["back"])
    write_csv(rows, shop / "customers.csv")
    result = score(settings, shop)
    assert (result.version, result.night) == ("1", "2026-01-09")
    assert (result.n_scored, result.n_refused, result.is_drifting) == (900, 0, False)
    assert "of 300 new rows" in result.sentence
    table = read(client, settings, result, "predictions")
    assert table.column_names == [
        "id",
        "prediction",
        "probability_no",
        "probability_yes",
        "is_new",
        "model_version",
        "night",
        "scored_at",
    ]
    assert table["id"].to_pylist() == rows["id"].to_pylist()
    assert table["is_new"].to_pylist() == [False] * 600 + [True] * 300
    assert set(table["model_version"].to_pylist()) == {"1"}
    assert set(table["night"].to_pylist()) == {TODAY}
    total = np.add(table["probability_no"].to_numpy(), table["probability_yes"].to_numpy())
    np.testing.assert_allclose(total, 1.0, rtol=1e-6)
    said = np.where(table["probability_yes"].to_numpy() > 0.5, "yes", "no")
    assert table["prediction"].to_pylist() == said.tolist()


def test_predictions_are_those_of_the_served_model(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """Bit for bit what the registered model answers."""
    import mlflow

    rows = make_customers(50, seed=4, first=1000)
    write_csv(rows, shop / "customers.csv")
    table = read(client, settings, score(settings, shop), "predictions")
    mlflow.set_tracking_uri(settings.tracking_uri)
    served = mlflow.pyfunc.load_model(f"models:/shop@{CHAMPION}")
    answered = served.predict(rows.select(["age", "spent", "city"]).to_pandas())
    assert table["probability_yes"].to_pylist() == answered["probability_yes"].tolist()


@pytest.mark.usefixtures("charts")
def test_older_customers_are_drift(client: MlflowClient, settings: Settings, shop: Path) -> None:
    """In the column that moved and in what the champion says; the other columns stay."""
    old = make_customers(600)
    moved = make_customers(200, seed=2, older=25.0, first=600)
    write_csv(pa.concat_tables([old, moved]), shop / "customers.csv")
    result = score(settings, shop)
    assert result.is_drifting
    assert result.columns[0] == "age"
    assert "city" not in result.columns
    assert "Drift in 'age'" in result.sentence
    document = json.loads(get(client, settings, result, "drift").read_text())
    assert document["drift"]["n_rows"] == 200
    assert document["training_night"] == "2026-01-07"
    page = get(client, settings, result, "page").read_text()
    assert "Drift in" in page
    assert page.count("<figure>") == 6  # the columns together, three inputs, two of predictions
    run = client.get_run(result.run_id)
    assert run.data.tags[tags.DRIFT] == "yes"
    assert run.data.metrics["max_psi"] > 0.25
    assert run.info.status == "FINISHED"


def test_a_source_of_its_own_is_read_and_all_of_it_is_new(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """Whatever its ids are; the workflow's own source is not touched."""
    write_csv(make_customers(100, seed=3), shop / "waiting" / "monday.csv")
    workflow = make_shop(scoring={"source": {"kind": "files", "path": "waiting/*.csv"}})
    result = score(settings, shop, workflow)
    assert result.n_scored == 100
    assert read(client, settings, result, "predictions")["is_new"].to_pylist() == [True] * 100


@pytest.mark.usefixtures("charts")
def test_refused_rows_are_quarantined_with_the_reason(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """A row without an age, one with a word for it, a line of too few values, and a hostile city."""
    rows = make_customers(40, first=700)
    ages = rows["age"].to_pylist()
    ages[3], ages[7] = "", "forty"
    cities = rows["city"].to_pylist()
    cities[9] = "<script>alert(1)</script>'; --"
    rows = rows.set_column(1, "age", [ages]).set_column(3, "city", [cities])
    file = write_csv(rows, shop / "customers.csv")
    file.write_text(file.read_text() + "c999,1\n")
    result = score(settings, shop)
    refused = {row["id"]: row for row in read(client, settings, result, "refused").to_pylist()}
    assert (result.n_scored, result.n_refused) == (38, 3)
    assert refused["c703"]["reason"] == "age: missing."
    assert "forty" in refused["c707"]["reason"]
    assert refused["c707"]["line"] == 9
    assert json.loads(refused["c707"]["row"])["age"] == "forty"
    assert "customers.csv:42" in refused
    assert "c709" in read(client, settings, result, "predictions")["id"].to_pylist()
    assert "<script>alert" not in get(client, settings, result, "page").read_text()


def test_nothing_new_is_not_predicted_again(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """The same rows and version: the earlier result stands; one row more, and all is scored again."""
    write_csv(make_customers(650), shop / "customers.csv")
    first, second = score(settings, shop), score(settings, shop)
    assert second.repeats == first.run_id
    assert second.outputs == first.outputs
    assert client.get_run(second.run_id).info.status == "FINISHED"
    assert "Nothing is new" in client.get_run(second.run_id).data.tags[tags.MLFLOW_NOTE]
    write_csv(make_customers(651), shop / "customers.csv")
    assert score(settings, shop).repeats is None
    strict = make_shop(scoring={"max_psi": 0.01})
    assert score(settings, shop, strict).repeats is None


def test_a_retry_writes_the_same_into_the_same_run(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """By the key; the time of scoring is that of the opening."""
    write_csv(make_customers(50), shop / "customers.csv")
    first, again = (score(settings, shop, key="scoring/run1/shop") for _ in range(2))
    assert again.run_id == first.run_id
    assert again.outputs == first.outputs


def test_the_profile_is_made_once_and_stays_with_the_version(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """The tag on the version leads to it; where it is gone, the same one is made again."""
    write_csv(make_customers(640), shop / "customers.csv")
    score(settings, shop)
    tag = json.loads(client.get_model_version("shop", "1").tags[tags.PROFILE])
    write_csv(make_customers(641), shop / "customers.csv")
    score(settings, shop)
    assert json.loads(client.get_model_version("shop", "1").tags[tags.PROFILE]) == tag
    root = Path(client.get_run(tag["run_id"]).info.artifact_uri.removeprefix("file://"))
    shutil.rmtree(root / "profile")
    write_csv(make_customers(642), shop / "customers.csv")
    assert score(settings, shop).sentence.startswith("No drift in 5 columns of 42")
    made = json.loads(client.get_model_version("shop", "1").tags[tags.PROFILE])
    assert made["sha256"] == tag["sha256"]
    assert made["run_id"] != tag["run_id"]


def test_a_scoring_is_no_night(client: MlflowClient, settings: Settings, shop: Path) -> None:
    """Whoever looks for the latest night finds the night."""
    write_csv(make_customers(50), shop / "customers.csv")
    score(settings, shop)
    night = find_night(client, "shop")
    assert night is not None
    assert night.data.tags[tags.NIGHT_DATE] == "2026-01-07"


def test_what_was_published_is_copied_into_a_new_folder(
    settings: Settings, shop: Path, tmp_path: Path
) -> None:
    """All of it or nothing; an existing folder is not touched."""
    write_csv(make_customers(50), shop / "customers.csv")
    folder = fetch_predictions(settings, score(settings, shop), tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == [
        "drift.json",
        "predictions",
        "refused",
        "scoring.html",
    ]
    assert Dataset.open(folder / "predictions").n_rows == 50
    with pytest.raises(RequestError, match="exists already"):
        fetch_predictions(settings, score(settings, shop), folder)


# --- what can be wrong --------------------------------------------------------------------------


def test_without_a_champion_nothing_is_read(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """The error says how to get one, and no run is left behind."""
    with pytest.raises(ScoringError, match=r"shop has no champion(.|\n)*nocturne run shop"):
        score(settings, tmp_path)
    assert client.get_experiment_by_name("shop") is None


def test_a_champion_that_does_not_load_says_so(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """With the reason and what to do; its runs are ended."""

    def fit(cleaned: Any, folder: Path) -> Path:
        folder.mkdir()
        (folder / "preparation.json").write_text(cleaned.preparation.to_json())
        (folder / "estimator.skops").write_bytes(b"no archive")
        return folder

    rows = make_customers(200)
    register_champion(client, settings, make_shop(), as_arrived(rows), tmp_path / "night", fit)
    write_csv(rows, tmp_path / "customers.csv")
    with pytest.raises(ScoringError, match=r"version 1 of shop, does not load(.|\n)*rollback"):
        score(settings, tmp_path)
    experiment = client.get_experiment_by_name("shop")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
    assert list(runs) == []


def test_rows_that_lack_a_column_are_refused_as_a_source(settings: Settings, shop: Path) -> None:
    """Not one by one: the source is wrong."""
    write_csv(make_customers(50).drop_columns(["spent"]), shop / "customers.csv")
    with pytest.raises(SourceError, match="has no column 'spent'"):
        score(settings, shop)


def test_a_source_that_is_down_says_where_it_should_be(settings: Settings, shop: Path) -> None:
    """As in a night."""
    with pytest.raises(SourceError, match=r"customers\.csv"):
        score(settings, shop)


def test_rows_that_are_all_refused_are_an_error(settings: Settings, shop: Path) -> None:
    """A unit that changed at the source is no success with an empty result."""
    rows = make_customers(300).set_column(1, "age", [["about forty"] * 300])
    write_csv(rows, shop / "customers.csv")
    with pytest.raises(ScoringError, match=r"refuses all of the first 200 rows(.|\n)*about forty"):
        score(settings, shop)


def test_where_the_night_is_gone_rows_are_scored_without_drift(
    client: MlflowClient, settings: Settings, shop: Path
) -> None:
    """The model is still there; the sentence says why drift was not judged."""
    experiment = client.get_experiment_by_name("shop")
    assert experiment is not None
    for run in client.search_runs([experiment.experiment_id], f"tags.`{tags.STEP}` = 'clean'"):
        client.delete_run(run.info.run_id)
    write_csv(make_customers(50), shop / "customers.csv")
    result = score(settings, shop)
    assert result.n_scored == 50
    assert "Drift was not judged: The night that trained version 1" in result.sentence
    assert read(client, settings, result, "predictions")["is_new"].null_count == 50


def test_privacy_is_the_same_as_in_a_night(
    client: MlflowClient, settings: Settings, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids are pseudonyms in what is published; without the key nothing is."""
    write_csv(make_customers(50), shop / "customers.csv")
    workflow = make_shop(privacy=[{"pseudonymise": {"columns": ["id"]}}])
    with pytest.raises(PrivacyError, match="NOCTURNE_PSEUDONYM_KEY"):
        score(settings, shop, workflow)
    monkeypatch.setenv("NOCTURNE_PSEUDONYM_KEY", "k" * 43)
    result = score(settings, shop, workflow)
    ids = read(client, settings, result, "predictions")["id"].to_pylist()
    assert len(set(ids)) == 50
    assert not any(one.startswith("c") and one[1:].isdigit() for one in ids)


# --- series -------------------------------------------------------------------------------------


def test_a_series_is_forecast_from_its_latest_window(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """The last value plus one, two days ahead; drift is in how it changes, not in how high it is."""
    workflow = make_series_workflow(scoring={})
    rng = np.random.default_rng(2)
    flow = np.cumsum(rng.normal(1.0, 1.0, 240))
    flow[180:] += np.where(np.arange(60) % 2, 40.0, 0.0)  # from then on it jumps to and fro
    rows = make_days([f"{value:.3f}" for value in flow])

    def fit(cleaned: Any, folder: Path) -> Path:
        return save_last_value(folder, cleaned.preparation, 1.0)

    register_champion(client, settings, workflow, rows.slice(0, 180), tmp_path / "night", fit)
    folder = tmp_path / "workflows"
    write_csv(rows.select(["time", "flow"]).slice(0, 200), folder / "days.csv")
    few = score(settings, folder, workflow)
    assert "only 20 rows are new" in few.sentence
    write_csv(rows.select(["time", "flow"]), folder / "days.csv")
    result = score(settings, folder, workflow)
    table = read(client, settings, result, "predictions")
    assert table.column_names == [
        "time",
        "step",
        "column",
        "prediction",
        "model_version",
        "night",
        "scored_at",
    ]
    last = float(rows["flow"][-1].as_py())
    assert table["prediction"].to_pylist() == pytest.approx([last + 1.0] * 2, rel=1e-5)
    assert [str(time)[:10] for time in table["time"].to_pylist()] == ["2024-08-28", "2024-08-29"]
    assert table["step"].to_pylist() == [1, 2]
    assert result.columns == ("flow",)
