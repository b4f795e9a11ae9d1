"""The decide step on a real MLflow: the challenger is tried, judged, and the decision written down."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
import pytest
from tests_support import make_night

from tasks.models.example import write_example
from tasks.models.smoke import SmokeReport
from tasks.promotion.decide import judge, run_decide
from tasks.settings import Settings
from tasks.tracking import TaskIdentity, open_step, tags
from tasks.workflow import Workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient

SERVES = SmokeReport(True, "It loads.", 1.0, 2.0, 3.0, 4_000_000, 1e-7)


def make_workflow(**promotion: Any) -> Workflow:
    return Workflow.model_validate(
        {
            "name": "tiny",
            "description": "Flowers.",
            "source": {"kind": "sklearn", "dataset": "iris"},
            "columns": {"target": "target", "features": ["petal_length_cm"]},
            "expectations": {"raw": "tiny_raw", "clean": "tiny_clean"},
            "split": {"by": "hash"},
            "candidates": {"mlp": {"kind": "mlp"}},
            "promotion": promotion,
        }
    )


def make_scores(**more: Any) -> dict[str, Any]:
    """A night in which `mlp` is a point better than the champion, on the document of the evaluation."""

    def model(role: str, accuracy: float | None, **known: Any) -> dict[str, Any]:
        return {"role": role, "holdout": {"accuracy": accuracy}, **known}

    return {
        "kind": "classification",
        "metric": "accuracy",
        "is_error": False,
        "n_holdout": 10_000,
        "challenger": "mlp",
        "models": {
            "mlp": model("candidate", 0.97),
            "gradient_boosting": model("baseline", 0.93),
            "logistic_regression": model("baseline", None),
            "champion": model("champion", 0.96, version="3"),
        },
        "paired": {
            "with": "3",
            "metric": "accuracy",
            "gain": 0.01,
            "interval": [0.0076, 0.0124],
            "confidence": 0.9,
            "p_value": 1e-6,
            "n_discordant": [150, 50],
        },
        "groups": [
            {
                "by": "class",
                "column": None,
                "value": "setosa",
                "n_rows": 100,
                "metric": "recall",
                "is_error": False,
                "scores": {"mlp": 0.90, "champion": 0.98, "gradient_boosting": None},
                "loss": 0.08,
            }
        ],
        **more,
    }


def test_the_document_is_judged_by_the_workflow_file() -> None:
    """Every limit of the workflow file and every figure of the evaluation reaches its rule."""
    workflow = make_workflow(
        floor=0.9,
        min_gain=0.001,
        significance=0.01,
        max_group_loss=0.07,
        min_group_rows=20,
        max_latency_ms=1.5,
        max_size_mb=5.0,
        approval="approve",
    )
    decision = judge(make_scores(), workflow, SERVES)
    assert {r.name: (r.figure, r.limit, r.passed) for r in decision.rules} == {
        "floor": (0.97, 0.9, True),
        "better than the best baseline": (0.97, 0.93, True),
        "gain over the champion": (pytest.approx(0.01), 0.001, True),
        "gain beyond chance": (0.0076, 0.001, True),
        "McNemar's test": (1e-6, 0.01, True),
        "no group worse": (0.08, 0.07, False),
        "latency": (2.0, 1.5, False),
        "size": (4.0, 5.0, True),
        "smoke test": (1e-7, 1e-3, True),
    }
    assert decision.verdict == "keep"
    easy = make_workflow(floor=0.9, max_group_loss=0.08, approval="approve")
    assert judge(make_scores(), easy, SERVES).verdict == "ask"


def test_a_champion_with_a_problem_is_not_compared_with() -> None:
    """It is named with its problem, and the first night's rules decide."""
    models = make_scores()["models"]
    models["champion"] = {
        "role": "champion",
        "version": "3",
        "problem": "could not be loaded: no such file",
        "holdout": {"accuracy": None},
    }
    decision = judge(make_scores(models=models, paired=None), make_workflow(), SERVES)
    assert decision.verdict == "promote"
    assert [r.name for r in decision.rules] == ["better than the best baseline", "smoke test"]
    assert (
        "the champion (version 3) cannot be compared with (it could not be loaded: no such file)"
        in decision.reason
    )


@pytest.mark.parametrize(
    "broken",
    [
        {"paired": None},
        {"paired": {**make_scores()["paired"], "interval": [None, None]}},
        {"paired": {**make_scores()["paired"], "p_value": None}},
    ],
    ids=["no comparison", "no interval", "no p-value"],
)
def test_null_is_no_number(broken: dict[str, Any]) -> None:
    """What the evaluation could not compute never promotes."""
    workflow = make_workflow(max_group_loss=None)
    assert judge(make_scores(), workflow, SERVES).verdict == "promote"
    decision = judge(make_scores(**broken), workflow, SERVES)
    assert decision.verdict == "keep"
    json.dumps(decision.to_json(), allow_nan=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that says of two classes 0.25 and 0.75, whatever it is given."""
    script = tmp_path / "script.py"
    script.write_text(
        "import mlflow, numpy as np\n"
        "class Certain(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return np.tile([0.25, 0.75], (len(model_input), 1))\n"
        "mlflow.models.set_model(Certain())\n"
    )
    folder = tmp_path / "model"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # MLflow advises type hints
        mlflow.pyfunc.save_model(path=str(folder), python_model=str(script), pip_requirements=[])
    return folder


@pytest.mark.parametrize(
    ("said", "verdict"), [([0.25, 0.75], "promote"), ([0.9, 0.1], "keep")], ids=["same", "other"]
)
def test_a_night_decides(
    client: MlflowClient,
    settings: Settings,
    model: Path,
    tmp_path: Path,
    said: list[float],
    verdict: str,
) -> None:
    """The challenger is tried in a fresh process; the decision is an artifact, and the night says it."""
    workflow = make_workflow(max_group_loss=0.08)
    night = make_night(client, settings)
    folder = tmp_path / "scores"
    write_example(folder / "example", np.zeros((2, 3)), np.array([said, said]))
    (folder / "scores.json").write_text(json.dumps(make_scores(example="example")))
    with open_step(client, settings, night, "evaluate", inputs={}, task=TaskIdentity()) as step:
        scores, trained = step.publish(folder, "scores"), step.publish(model, "model")
    with open_step(client, settings, night, "decide", inputs={}, task=TaskIdentity()) as step:
        handoff = run_decide(step, workflow, settings, scores=scores, models={"mlp": trained})
        document = read_json(step.fetch(handoff["decision"]))
        run = step.client.get_run(step.run_id)
    assert document["verdict"] == verdict
    assert document["smoke"]["passed"] == (verdict == "promote")
    assert document["smoke"]["size_bytes"] == sum(
        path.stat().st_size for path in model.rglob("*") if path.is_file()
    )
    assert document["paragraph"].startswith("Tonight's best candidate, mlp, reached 97.00 %")
    night_tags = client.get_run(night.run_id).data.tags
    assert (night_tags[tags.VERDICT], night_tags[tags.REASON]) == (verdict, document["reason"])
    assert "| smoke test |" in night_tags[tags.MLFLOW_NOTE]
    assert run.data.tags[tags.VERDICT] == verdict
    if verdict == "promote":
        assert run.data.metrics["latency_ms_p50"] == document["smoke"]["latency_ms_p50"] > 0
    else:
        assert "it differs by 0.65 as a probability" in document["reason"]


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
