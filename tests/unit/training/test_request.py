"""A request is a file with exactly its keys; carried out, it leaves a whole folder or none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from training_support import BASELINE, CNN, IMAGES

from tasks.dataset import Dataset
from tasks.errors import RequestError, TrainingError
from tasks.models.predictor import Predictor
from tasks.training.data.parts import load_part
from tasks.training.request import TrainingReport, TrainingRequest, carry_out


@pytest.fixture
def request_for_cnn(image_rows: Dataset, preparation_file: Path, tmp_path: Path) -> TrainingRequest:
    """Train the small CNN on the images."""
    return TrainingRequest(
        "cnn", CNN, str(image_rows.folder), str(preparation_file), str(tmp_path / "out"), 1
    )


def test_a_request_comes_back_as_it_was_written(
    request_for_cnn: TrainingRequest, tmp_path: Path
) -> None:
    """Nothing is lost in the file."""
    request_for_cnn.write(tmp_path / "request.json")
    assert TrainingRequest.read(tmp_path / "request.json") == request_for_cnn


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "request.json cannot be read"),
        ("{", "request.json cannot be read"),
        ("[]", "misses the key 'candidate'"),
        ('{"candidates": 1}', "misses the key 'candidate'"),
    ],
)
def test_a_request_that_cannot_be_used_is_named(
    tmp_path: Path, text: str | None, message: str
) -> None:
    """A missing file, no JSON, other keys."""
    file = tmp_path / "request.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=message):
        TrainingRequest.read(file)


def test_a_misspelt_key_gets_the_nearest_name(
    request_for_cnn: TrainingRequest, tmp_path: Path
) -> None:
    """An unknown key is not passed over."""
    file = tmp_path / "request.json"
    request_for_cnn.write(file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"aseed": 3}), encoding="utf-8")
    with pytest.raises(RequestError, match=r"(?s)has the key 'aseed'.*'seed', perhaps"):
        TrainingRequest.read(file)


def test_a_network_s_folder_holds_all_that_is_needed(
    request_for_cnn: TrainingRequest, image_rows: Dataset
) -> None:
    """The model, the preparation, the history and the report; the predictor predicts as trained."""
    report = carry_out(request_for_cnn)
    folder = Path(request_for_cnn.output)
    names = ["history.json", "network.keras", "preparation.json", "result.json"]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert TrainingReport.read(folder) == report
    history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    assert history["candidate"] == "cnn"
    assert [(row["epoch"], row["part"]) for row in history["rows"][:3]] == [
        (1, "train"),
        (1, "validation"),
        (2, "train"),
    ]
    assert report.metrics["validation_loss"] == history["rows"][-1]["loss"]
    assert (report.n_epochs, len(report.epoch_seconds)) == (3, 3)
    validation = load_part(image_rows, IMAGES, "validation")
    probabilities = Predictor.load(folder).predict_probabilities(validation.inputs)
    loss = -np.log(probabilities[np.arange(10), validation.targets]).mean()
    assert loss == pytest.approx(report.metrics["validation_loss"], rel=1e-4)
    size = (folder / "network.keras").stat().st_size
    assert size < 40_000  # the optimizer's state is left out


def test_the_baseline_s_folder_has_the_same_form(request_for_cnn: TrainingRequest) -> None:
    """An estimator in place of a network, and a history without epochs."""
    report = carry_out(replace(request_for_cnn, candidate="baseline", spec=BASELINE))
    folder = Path(request_for_cnn.output)
    names = ["estimator.skops", "history.json", "preparation.json", "result.json"]
    assert sorted(p.name for p in folder.iterdir()) == names
    assert TrainingReport.read(folder) == report
    assert json.loads((folder / "history.json").read_text()) == {
        "candidate": "baseline",
        "measure": "accuracy",
        "rows": [],
    }
    assert report.packages == ("scikit-learn", "skops")
    images = np.zeros((2, 6, 6, 1), dtype=np.uint8)
    assert Predictor.load(folder).predict_probabilities(images).shape == (2, 2)


def test_what_fails_leaves_no_result(request_for_cnn: TrainingRequest) -> None:
    """The folder appears under its name when training has ended well."""
    spec = CNN | {"convolutions": [CNN["convolutions"][0] | {"kernel": 9}]}
    with pytest.raises(TrainingError, match="'cnn' cannot be built"):
        carry_out(replace(request_for_cnn, spec=spec))
    assert not Path(request_for_cnn.output).exists()


def test_a_second_try_replaces_what_a_killed_one_left(request_for_cnn: TrainingRequest) -> None:
    """Half a folder of an earlier try does not get into the result."""
    output = Path(request_for_cnn.output)
    for folder in (output, output.with_name("out.partial")):
        folder.mkdir()
        (folder / "network.keras").write_text("half")
    carry_out(replace(request_for_cnn, candidate="baseline", spec=BASELINE))
    assert not (output / "network.keras").exists()
    assert not output.with_name("out.partial").exists()
