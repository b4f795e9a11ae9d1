from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.mining.found import Earlier
from tasks.mining.pca.earlier import read_earlier

DOCUMENT = {
    "n_rows": 12,
    "explained_variance_ratio": [0.7, 0.3],
    "inputs": ["a", "b"],
    "image_shape": None,
}


def write(folder: Path, document: Any = DOCUMENT, components: Any = None) -> Earlier:
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "pca.json").write_text(text)
    np.save(folder / "components.npy", np.eye(2) if components is None else components)
    return Earlier("2026-01-06", folder)


def test_an_earlier_night_is_read(tmp_path: Path) -> None:
    """Its date, its directions, and what they are of."""
    found = read_earlier(write(tmp_path))
    assert found is not None
    assert (found.date, found.n_rows, found.inputs) == ("2026-01-06", 12, ["a", "b"])
    assert found.components.tolist() == [[1, 0], [0, 1]]


def test_components_of_images_are_read_flat(tmp_path: Path) -> None:
    """Two pictures of 2 x 1 pixels are two directions of two inputs."""
    document = {**DOCUMENT, "inputs": None, "image_shape": [2, 1, 1]}
    found = read_earlier(write(tmp_path, document, np.eye(2).reshape(2, 2, 1, 1)))
    assert found is not None
    assert found.components.shape == (2, 2)


def test_the_first_night_has_nothing_to_compare_with() -> None:
    """Which is no reason for a warning."""
    assert read_earlier(None) is None


@pytest.mark.parametrize(
    ("document", "components"),
    [
        ("{", None),
        ("[]", None),
        ("null", None),
        ({**DOCUMENT, "explained_variance_ratio": "much"}, None),
        ({**DOCUMENT, "explained_variance_ratio": [0.7]}, None),
        ({**DOCUMENT, "explained_variance_ratio": [0.7, None]}, None),
        ({**DOCUMENT, "n_rows": None}, None),
        ({k: v for k, v in DOCUMENT.items() if k != "inputs"}, None),
        (DOCUMENT, np.full((2, 2), np.nan)),
        (DOCUMENT, np.zeros((2, 2))),
        (DOCUMENT, np.ones(())),
        (DOCUMENT, np.ones((0, 2))),
        (DOCUMENT, np.array([["a", "b"], ["c", "d"]])),
    ],
)
def test_what_another_version_wrote_is_not_compared(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, document: Any, components: Any
) -> None:
    """It is warned of with its date, and never an error."""
    earlier = write(tmp_path, document, components)
    with caplog.at_level(logging.WARNING):
        assert read_earlier(earlier) is None
    assert "not compared with those of 2026-01-06" in caplog.text


def test_a_folder_without_components_is_not_compared(tmp_path: Path) -> None:
    """Nor is one whose file was cut off, or holds pickled objects."""
    earlier = write(tmp_path)
    path = tmp_path / "components.npy"
    path.write_bytes(path.read_bytes()[:-3])
    assert read_earlier(earlier) is None
    np.save(path, np.array([{}, {}], dtype=object), allow_pickle=True)
    assert read_earlier(earlier) is None
    path.write_bytes(b"")
    assert read_earlier(earlier) is None
    path.unlink()
    assert read_earlier(earlier) is None
