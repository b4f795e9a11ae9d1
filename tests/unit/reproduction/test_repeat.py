"""What counts as the same training, and what explains another result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.reproduction import Circumstance, Predictions, Reproduction, Weights

SAME = Reproduction(
    model="digits",
    version="3",
    candidate="cnn",
    night="2026-01-07",
    run_id="r",
    dataset_sha256="d",
    device="CPU",
    seconds=1.0,
    circumstances=(Circumstance("code", "a", "a", True), Circumstance("lock", "b", "b", True)),
    notes=(),
    weights=Weights(10, 0, 0.0),
    predictions=Predictions("holdout", 5, 0.0, 0.0),
    metrics={},
)
OTHER = replace(
    SAME, weights=Weights(10, 2, 0.1), predictions=Predictions("holdout", 5, 0.01, 0.01)
)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (SAME, "The same weights, bit for bit."),
        (
            replace(OTHER, circumstances=(Circumstance("code", "a", "b", False),)),
            "other circumstances: code.",
        ),
        (replace(OTHER, notes=("The time ran out.",)), "could not be repeated"),
        (OTHER, "on a CPU they should be the same"),
        (replace(OTHER, device="NVIDIA H200"), "as near as trainings on a card are"),
        (
            replace(
                OTHER,
                device="NVIDIA H200",
                predictions=Predictions("holdout", 5, 9.0, 0.9),
            ),
            "further apart than trainings on a card are",
        ),
        (
            replace(OTHER, device="NVIDIA H200", weights=Weights(4, 4, None), predictions=None),
            "further apart than trainings on a card are",
        ),
    ],
)
def test_the_verdict_says_why(found: Reproduction, verdict: str) -> None:
    """What has changed explains most; on a card the order of sums explains the rest."""
    assert verdict in found.verdict
    assert found.is_same == (found.weights.n_different == 0)
    assert found.to_json()["verdict"] == found.verdict
