from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tasks.mining.found import Earlier
from tasks.mining.tree.comparison import compare, list_top

ROOT = {"column": "x", "condition": "<= 2", "n_rows": 9}


def make_document(**more: Any) -> dict[str, Any]:
    columns = [{"name": n, "impurity": i} for n, i in (("x", 0.7), ("y", 0.3), ("z", 0.0))]
    return {
        "target": "kind",
        "kind": "class",
        "n_leaves": 3,
        "holdout": {"accuracy": 0.9},
        "importances": {"columns": columns},
        "tree": ROOT,
        **more,
    }


def write(
    folder: Path, document: Any, leaves: str = "rule,n_rows\nx <= 2,5\n2 < x <= 4,3\n"
) -> Earlier:
    (folder / "tree.json").write_text(json.dumps(document))
    (folder / "leaves.csv").write_text(leaves)
    return Earlier("2026-01-06", folder)


def test_an_equal_tree_has_not_changed(tmp_path: Path) -> None:
    """Same question, same inputs, all of its rules."""
    earlier = write(tmp_path, make_document())
    assert compare(make_document(), ["x <= 2", "2 < x <= 4"], earlier) == {
        "date": "2026-01-06",
        "root": "x <= 2",
        "has_same_root": True,
        "n_leaves": 3,
        "score": 0.9,
        "came": [],
        "went": [],
        "n_rules": 2,
        "n_rules_kept": 1 + 1,
    }


def test_what_changed_is_told(tmp_path: Path) -> None:
    """Another first question, another column among those that matter, one of two rules."""
    columns = [{"name": "w", "impurity": 0.6}, {"name": "x", "impurity": 0.4}]
    earlier = write(tmp_path, make_document())
    tonight = make_document(
        tree={**ROOT, "condition": "<= 3"}, importances={"columns": columns}, n_leaves=5
    )
    found = compare(tonight, ["x <= 2", "x > 2"], earlier)
    assert found is not None
    assert not found["has_same_root"]
    assert (found["came"], found["went"]) == (["w"], ["y"])
    assert (found["n_leaves"], found["n_rules"], found["n_rules_kept"]) == (3, 2, 1)


def test_only_five_columns_count_and_none_that_do_nothing() -> None:
    """The others are noise."""
    columns = [{"name": f"c{i}", "impurity": 0.1} for i in range(9)]
    assert list_top(make_document(importances={"columns": columns})) == [
        "c0",
        "c1",
        "c2",
        "c3",
        "c4",
    ]
    assert list_top(make_document()) == ["x", "y"]


def test_a_root_alone_asked_nothing(tmp_path: Path) -> None:
    """None then and none now is the same; no hold-out is no score."""
    alone = make_document(tree={"n_rows": 9}, holdout=None, n_leaves=1)
    found = compare(alone, ["always"], write(tmp_path, alone, "rule\nalways\n"))
    assert found is not None
    assert (found["root"], found["has_same_root"], found["score"]) == (None, True, None)
    assert found["n_rules_kept"] == 1


def test_another_target_is_not_compared(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The workflow file was changed in between."""
    with caplog.at_level(logging.INFO):
        earlier = write(tmp_path, make_document(target="mass"))
        assert compare(make_document(), [], earlier) is None
    assert "The tree of 2026-01-06 decided 'mass'." in caplog.text


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        None,
        make_document(importances=3),
        make_document(n_leaves="many"),
        make_document(tree=3),
    ],
)
def test_an_unreadable_document_is_left_alone(
    tmp_path: Path, document: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version may have written it: a warning, and no comparison."""
    assert compare(make_document(), [], write(tmp_path, document)) is None
    assert "not compared with that of 2026-01-06" in caplog.text


@pytest.mark.parametrize("broken", ["tree.json", "leaves.csv"])
@pytest.mark.parametrize("content", [None, b"\xff\xfe", b""])
def test_broken_files_are_left_alone(tmp_path: Path, broken: str, content: bytes | None) -> None:
    """Missing, no text, or nothing in them."""
    earlier = write(tmp_path, make_document())
    (tmp_path / broken).unlink()
    if content is not None:
        (tmp_path / broken).write_bytes(content)
    found = compare(make_document(), [], earlier)
    # An empty list of leaves has no rules; everything else cannot be read.
    assert found is None or (broken, content, found["n_rules"]) == ("leaves.csv", b"", 0)
