"""The interpretation, read from its folder and as tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tasks.reporting.explained import (
    Explained,
    read_explained,
    tabulate_importance,
    tabulate_saliency,
)


def test_columns_are_ordered_and_told_from_chance() -> None:
    """A cost of more than two standard deviations above 0 is told; a gain never is."""
    rows = [
        {"column": "a", "mean": 0.01, "sd": 0.01},
        {"column": "b", "mean": 0.2, "sd": 0.05},
        {"column": "c", "mean": -0.5, "sd": 0.001},
        {"column": "d", "mean": 0.0, "sd": 0.0},
    ]
    found = tabulate_importance({"importance": {"rows": rows}})
    assert found["column"].tolist() == ["b", "a", "d", "c"]
    assert found["is_told"].tolist() == [True, False, False, False]
    assert tabulate_importance({"importance": None}).empty


def test_right_ones_are_shown_before_wrong_ones() -> None:
    """Four of each, with their places in the arrays."""
    images = [
        {"id": f"r{i}", "target": 1, "predicted": 1, "confidence": 0.9, "is_wrong": i % 2 == 0}
        for i in range(12)
    ]
    found = tabulate_saliency(Explained({"saliency": {"images": images}}))
    assert found["place"].tolist() == [1, 3, 5, 7, 0, 2, 4, 6]
    assert found["is_wrong"].tolist() == [False] * 4 + [True] * 4
    assert tabulate_saliency(Explained({"saliency": None})).empty


def test_pictures_are_read_with_their_document(saliency: Explained, tmp_path: Path) -> None:
    """Of a table there are none, and the folder holds the document alone."""
    assert saliency.images is not None
    (tmp_path / "interpretation.json").write_text(json.dumps(saliency.document))
    assert read_explained(tmp_path).images is None
    arrays = {"images": saliency.images, "attributions": saliency.attributions}
    np.savez_compressed(tmp_path / "saliency.npz", **arrays)
    found = read_explained(tmp_path)
    assert found.document == saliency.document
    np.testing.assert_array_equal(found.images, saliency.images)
    np.testing.assert_array_equal(found.attributions, saliency.attributions)
