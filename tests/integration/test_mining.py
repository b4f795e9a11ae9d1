"""Nights that mine: four kinds over two nights, baskets with their published figures, and what cannot be mined."""

from __future__ import annotations

import csv
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from walk_support import make_settings, write_suite

from tasks.errors import MiningError
from tasks.night import run_night
from tasks.settings import Settings
from tasks.tracking import Night, connect, tags
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow.entities import Run

pytestmark = pytest.mark.integration

COUNT = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}
KINDS = ("pca", "clusters", "rules", "tree")
FLOWERS = {
    "source": {
        "kind": "sklearn",
        "dataset": "iris",
        "arrives": {"from": "2026-01-01", "nights": 2},
    },
    "columns": {
        "target": "target",
        "features": ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"],
    },
    "cleaning": [{"scale": {"to": "standard"}}],
    "split": {"by": "hash", "holdout": 0.2},
    "mining": {
        "pca": {},
        "clusters": {"k": [2, 4]},
        "rules": {"min_support": 0.1, "min_confidence": 0.8, "bins": 3},
        "tree": {},
    },
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, _mlflow_template: Path) -> Settings:
    """One MLflow for all nights of this module, and suites that promise rows."""
    made = make_settings(tmp_path_factory.mktemp("mined nights"), _mlflow_template)
    for name in ("flowers", "odd", "groceries"):
        for stage in ("raw", "clean"):
            write_suite(made, f"{name}_{stage}", [COUNT])
    return made


def walk(settings: Settings, name: str, date: str, folder: Path, keys: dict[str, Any]) -> Night:
    document = {
        "name": name,
        "description": "Test.",
        "expectations": {"raw": f"{name}_raw", "clean": f"{name}_clean"},
        **keys,
    }
    workflow = Workflow.model_validate(document)
    return run_night(settings, workflow, folder, datetime.date.fromisoformat(date))


def find_steps(settings: Settings, night: Night) -> dict[str, Run]:
    runs = connect(settings).search_runs(
        [night.experiment_id], filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night.run_id}'"
    )
    return {run.data.tags[tags.STEP]: run for run in runs}


def fetch(settings: Settings, run: Run, kind: str) -> Path:
    """Fetch the folder that a step handed over."""
    handoff = json.loads(run.data.tags[tags.OUTPUTS])[kind]
    target = settings.home / "downloads" / run.info.run_id
    target.mkdir(parents=True, exist_ok=True)
    return Path(connect(settings).download_artifacts(run.info.run_id, handoff["path"], str(target)))


def read_report(settings: Settings, steps: dict[str, Run]) -> str:
    return fetch(settings, steps["report"], "report").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def nights(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Run]]:
    """The steps of two nights in a row, the second with twice the rows."""
    folder = tmp_path_factory.mktemp("flowers")
    dates = ("2026-01-01", "2026-01-02")
    return [find_steps(settings, walk(settings, "flowers", d, folder, FLOWERS)) for d in dates]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_a_run_with_parameters_figures_tables_and_charts(
    kind: str, nights: list[dict[str, Run]], settings: Settings
) -> None:
    """What was asked, what was found, and the charts that the night drew of it."""
    run = nights[-1][f"mine.{kind}"]
    assert tags.PROBLEM not in run.data.tags
    assert any(name.startswith("asked.") for name in run.data.params)
    metrics = run.data.metrics
    assert metrics["n_rows"] == nights[-1]["clean"].data.metrics["rows_train"] == 110
    assert 0 < metrics["seconds"] < 120
    assert metrics["peak_memory_mib"] > 50
    assert run.data.tags[tags.MLFLOW_NOTE]
    folder = fetch(settings, run, kind)
    assert json.loads((folder / f"{kind}.json").read_text("utf-8"))
    assert list(folder.glob("*.csv"))
    charts = connect(settings).list_artifacts(run.info.run_id, "charts")
    assert [c.path for c in charts if c.path.endswith(".png")]


def test_the_report_has_a_section_for_each_kind(
    nights: list[dict[str, Run]], settings: Settings
) -> None:
    """And still loads nothing and runs nothing."""
    page = read_report(settings, nights[-1])
    for kind in KINDS:
        assert f'<section id="{kind}"' in page
        assert f'href="#{kind}"' in page
    assert "<script" not in page


@pytest.mark.parametrize("kind", KINDS)
def test_the_second_night_is_compared_with_the_first(
    kind: str, nights: list[dict[str, Run]]
) -> None:
    """By its date; the first has none before it."""
    first, second = (night[f"mine.{kind}"].data.tags for night in nights)
    assert tags.COMPARED_WITH not in first
    assert second[tags.COMPARED_WITH] == "2026-01-01"


ODD = {
    "source": {"kind": "files", "path": "odd.csv"},
    "columns": {"target": "kind", "features": ["x", "y"], "keep": ["n"]},
    "split": {"by": "hash"},
    "mining": {
        "pca": {},
        "clusters": {"k": 3},
        "rules": {"columns": ["x", "y"]},
        "tree": {},
    },
}


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Forty rows whose features never change."""
    lines = [f"1,2,{'ab'[i % 2]},{i}" for i in range(40)]
    (tmp_path / "odd.csv").write_text("\n".join(["x,y,kind,n", *lines]), encoding="utf-8")
    return tmp_path


def test_what_cannot_be_mined_is_told_and_the_night_goes_on(odd: Path, settings: Settings) -> None:
    """Each section says what happened, what was expected and what to do."""
    steps = find_steps(settings, walk(settings, "odd", "2026-01-01", odd, ODD))
    assert {run.info.status for run in steps.values()} == {"FINISHED"}
    page = read_report(settings, steps)
    for kind in KINDS:
        run = steps[f"mine.{kind}"]
        problem = json.loads((fetch(settings, run, kind) / "problem.json").read_text("utf-8"))
        told = f"{problem['what']} What to do: {problem['hint']}."
        assert run.data.tags[tags.PROBLEM] == told
        assert f'<section id="{kind}"' in page
    assert page.count("Nothing was found tonight.") == len(KINDS)


def test_mining_that_is_required_stops_the_night(odd: Path, settings: Settings) -> None:
    """With the same message, as the error of its step."""
    keys = {**ODD, "mining": {"required": True, "clusters": {"k": 3}}}
    with pytest.raises(MiningError, match="constant"):
        walk(settings, "odd", "2026-01-02", odd, keys)


def test_groceries_have_their_published_rules(real_data: Path, settings: Settings) -> None:
    """5,668 rules at a support of 0.001 and a confidence of 0.5, the best with a lift of 18.9957."""
    keys = {
        "source": {
            "kind": "files",
            "path": str(real_data / "groceries.csv"),
            "names": ["items"],
            "delimiter": "\t",
            "quote": None,
        },
        "columns": {"keep": ["items"]},
        "split": {"by": "none"},
        "mining": {
            "rules": {
                "baskets": {"column": "items"},
                "min_support": 0.001,
                "min_confidence": 0.5,
                "max_length": 10,
                "max_false_discovery_rate": None,
                "keep_implied": True,
            }
        },
    }
    steps = find_steps(settings, walk(settings, "groceries", "2026-01-01", real_data, keys))
    run = steps["mine.rules"]
    assert (run.data.metrics["n_rows"], run.data.metrics["n_itemsets"]) == (9835, 13_492)
    assert run.data.metrics["n_rules"] == 5668
    assert round(run.data.metrics["best_lift"], 4) == 18.9957
    with (fetch(settings, run, "rules") / "rules.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5668
    page = read_report(settings, steps)
    assert "5,668 rules" in page.replace("</strong>", "").replace("<strong>", "")
    assert "Instant food products" in page
