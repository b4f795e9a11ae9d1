"""NumPy archives: arrays as columns, streamed, never unpickled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.dataset import tensor_column_to_array
from tasks.errors import SourceError
from tasks.ingestion import npz_files
from tasks.workflow import Columns

Read = Callable[..., Any]
IMAGES = Columns.model_validate({"target": "label", "image": {"tensor": [2, 3, 1]}})
X = np.arange(30, dtype=np.uint8).reshape(5, 2, 3)
Y = np.array(["a", "b", "é", "d", "e"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("images", [X, X[..., np.newaxis], X.astype(np.float32), X.astype(">f8")])
def test_images_and_labels_stream(
    tmp_path: Path, read: Read, monkeypatch: pytest.MonkeyPatch, save: Any, images: Any
) -> None:
    """Two rows at a time are the same rows; other arrays are not looked at."""
    monkeypatch.setattr(npz_files, "ROWS_PER_PART", 2)
    save(tmp_path / "a.npz", image=images, label=Y, other=np.array([{}]))
    empty, *parts = read("a.npz", IMAGES, format="npz")
    assert empty.rows.num_rows == 0
    assert [part.lines.to_pylist() for part in parts] == [[1, 2], [3, 4], [5]]
    found = np.concatenate([tensor_column_to_array(part.rows["image"]) for part in parts])
    assert found.shape == (5, 2, 3, 1)
    assert found.dtype == images.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found[..., 0], X)
    assert [y for part in parts for y in part.rows["label"].to_pylist()] == Y.tolist()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([1, 2], ">i4"), [1, 2]),
        (np.array([0.5, np.nan], np.float16), [0.5, np.nan]),
        (np.array([True, False]), [True, False]),
        (np.array([b"x", b"y"]), ["x", "y"]),
        (np.array(["2026-01-07", "NaT"], "datetime64[D]"), None),
    ],
)
def test_columns_of_any_scalar(tmp_path: Path, read: Read, values: Any, expected: Any) -> None:
    """Numbers, booleans, text and times keep their type; another byte order is no matter."""
    np.savez(tmp_path / "a.npz", height=values)
    *_, part = read("a.npz", Columns(features=("height",)), format="npz")
    found = part.rows["height"].to_pylist()
    if expected is None:
        assert [str(found[0]), found[1]] == ["2026-01-07", None]
    else:
        np.testing.assert_array_equal(found, expected)


def test_no_rows(tmp_path: Path, read: Read) -> None:
    """Arrays without rows are a source without rows."""
    np.savez(tmp_path / "a.npz", height=np.zeros(0))
    (part,) = read("a.npz", Columns(features=("height",)), format="npz")
    assert part.rows.num_rows == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": X, "label": Y}, r"has no column 'image'\.\nExpected: 'images', perhaps"),
        ({"image": X, "label": Y[:4]}, "has 5 rows in 'image' and 4 in 'label'|has 4 rows"),
        ({"image": X, "label": np.array([{}] * 5)}, "Python objects, which are never unpickled"),
        ({"image": X.astype(np.int64), "label": Y}, "type int64"),
        ({"image": X[:, 0], "label": Y}, r"shape \(5, 3\)"),
        ({"image": np.asfortranarray(X), "label": Y}, "Fortran order"),
        ({"image": X, "label": np.zeros((5, 2))}, r"'label' of shape \(5, 2\)"),
        ({"image": X, "label": np.array([b"\xff"] * 5)}, "not UTF-8"),
        ({"image": X, "label": np.zeros(5, complex)}, "type complex128"),
    ],
)
def test_other_content_is_refused(
    tmp_path: Path, read: Read, arrays: dict[str, Any], message: str
) -> None:
    """The error names the file, the array and what was expected."""
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(SourceError, match=message):
        read("a.npz", IMAGES, format="npz")


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flip", "header"])
def test_damaged_archives_are_refused(tmp_path: Path, read: Read, damage: str) -> None:
    """Whatever is wrong with the bytes, the error names the file."""
    np.savez_compressed(tmp_path / "a.npz", image=np.tile(X, (200, 1, 1)), label=np.tile(Y, 200))
    content = (tmp_path / "a.npz").read_bytes()
    changed = {
        "empty": b"",
        "text": b"no archive",
        "cut": content[:300],
        "flip": content[:150] + bytes([content[150] ^ 0xFF]) + content[151:],
        "header": content.replace(content[:4], b"PK\x00\x00"),
    }[damage]
    (tmp_path / "a.npz").write_bytes(changed)
    with pytest.raises(SourceError, match=r"a\.npz .*(corrupted|cannot be read)"):
        read("a.npz", IMAGES, format="npz")
