"""What a model has learned: the same digest for the same training, however often it is packaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_support import BASELINE, MLP

from tasks.dataset import Dataset, digest_folder
from tasks.models.learned import digest_learned
from tasks.models.packaging import find_network, save_as_mlflow_model
from tasks.training.request import TrainingRequest, carry_out

Make = Callable[..., Path]


@pytest.fixture
def make(image_rows: Dataset, preparation_file: Path, tmp_path: Path) -> Make:
    """Train and package a model."""

    def make_model(name: str, spec: dict[str, Any], seed: int = 3) -> Path:
        request = TrainingRequest(
            candidate="mlp",
            spec=spec,
            dataset=str(image_rows.folder),
            preparation=str(preparation_file),
            output=str(tmp_path / f"{name} result"),
            seed=seed,
        )
        report = carry_out(request)
        save_as_mlflow_model(tmp_path / name, tmp_path / f"{name} result", packages=report.packages)
        return tmp_path / name

    return make_model


def test_a_training_that_is_repeated_learns_the_same(make: Make) -> None:
    """The folders differ by the time at which they were made; another seed learns something else."""
    once, again, otherwise = make("once", MLP), make("again", MLP), make("otherwise", MLP, seed=4)
    assert digest_folder(once) != digest_folder(again)
    assert digest_learned(once) == digest_learned(again) is not None
    assert digest_learned(once) != digest_learned(otherwise)


def test_what_is_no_whole_network_has_no_digest(make: Make) -> None:
    """Neither a classical model nor a file that is cut off."""
    assert digest_learned(make("classical", BASELINE)) is None
    cut = make("cut", MLP)
    network = find_network(cut)
    network.write_bytes(network.read_bytes()[:1000])
    assert digest_learned(cut) is None
