from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tasks.mining.tree.nodes import Nodes
from tasks.mining.tree.reading import TreeReader
from tasks.preparation.originals import Original

X = np.array([[1, 0], [2, 0], [3, 0], [4, 1], [5, 1], [6, 0]], dtype=np.float32)
NAMES = ["x", "town_Rome"]
ORIGINALS = {"x": Original("x", "x"), "town_Rome": Original("town_Rome", "town", category="Rome")}


def read_classes() -> TreeReader:
    model = DecisionTreeClassifier(random_state=0).fit(X, [0, 0, 0, 1, 1, 0])
    return TreeReader(Nodes.read(model, 2), NAMES, ORIGINALS, "kind", ("ant", "bee"))


def read_numbers() -> TreeReader:
    model = DecisionTreeRegressor(random_state=0, max_depth=1).fit(X, [-1, -1, -1, 1, 1, 1])
    nodes = Nodes.read(model, None)
    return TreeReader(nodes, NAMES, ORIGINALS, "mass", (), mean=100.0, scale=10.0)


def test_a_leaf_is_a_rule_with_its_rows() -> None:
    """Most rows first: whoever is in Rome is a bee."""
    first, second = read_classes().list_leaves()
    assert (first.rule, first.outcome.say("kind")) == (
        "town is not Rome",
        "-> ant, 4 rows, 100 % pure",
    )
    assert (second.rule, second.outcome.counts) == ("town is Rome", (0, 2))
    assert second.outcome.share == pytest.approx(1 / 3)


def test_numbers_are_means_in_their_own_unit() -> None:
    """-1 and 1 of ten about a hundred are 90 and 110, and leaves that are all the same do not spread."""
    leaves = read_numbers().list_leaves()
    assert [leaf.rule for leaf in leaves] == ["x <= 3.5", "x > 3.5"]
    assert [leaf.outcome.prediction for leaf in leaves] == pytest.approx([90, 110])
    assert leaves[0].outcome.say("mass") == "-> mass 90 +- 0, 3 rows"
    root = read_numbers().get_outcome(0)
    assert (root.std, root.impurity) == (pytest.approx(10), pytest.approx(100))


def test_the_document_asks_what_is_and_not_what_is_not() -> None:
    """Yes is Rome, although its rows lie above the threshold."""
    document = read_classes().to_json()
    assert (document["column"], document["condition"]) == ("town", "is Rome")
    assert document["input"] == "town_Rome"
    assert document["threshold"] == 0.5
    assert document["yes"]["prediction"] == "bee"
    assert document["yes"]["counts"] == [["bee", 2]]
    assert document["no"] == {
        "n_rows": 4,
        "share": 4 / 6,
        "impurity": 0.0,
        "prediction": "ant",
        "purity": 1.0,
        "counts": [["ant", 4]],
    }


def test_the_text_is_indented_by_depth() -> None:
    """A line per answer, a leaf with what it comes to."""
    assert read_classes().to_text() == (
        "kind, 6 training rows\n"
        "|   town is Rome -> bee, 2 rows, 100 % pure\n"
        "|   town is not Rome -> ant, 4 rows, 100 % pure\n"
    )


def test_every_row_satisfies_the_rule_of_its_leaf() -> None:
    """The rules of wine, evaluated as Python, hold for the rows of their leaves and no others."""
    rows, y = load_wine(return_X_y=True)
    rows = rows.astype(np.float32)
    names = [f"c{i}" for i in range(rows.shape[1])]
    model = DecisionTreeClassifier(random_state=0, min_samples_leaf=3).fit(rows, y)
    reader = TreeReader(
        Nodes.read(model, 3), names, {n: Original(n, n) for n in names}, "kind", (0, 1, 2)
    )
    at = model.apply(rows)
    leaves = reader.list_leaves()
    assert len(leaves) == model.get_n_leaves() > 4
    for leaf in leaves:
        holds = [
            eval(leaf.rule, {}, dict(zip(names, map(float, row), strict=True))) for row in rows
        ]
        assert (np.array(holds) == (at == leaf.node)).all()
        assert leaf.outcome.counts == tuple(np.bincount(y[at == leaf.node], minlength=3))


def test_a_root_alone_says_always() -> None:
    """And asks nothing."""
    model = DecisionTreeClassifier().fit(np.zeros((3, 1)), [0, 0, 1])
    reader = TreeReader(Nodes.read(model, 2), ["x"], {"x": Original("x", "x")}, "k", ("a", "b"))
    (leaf,) = reader.list_leaves()
    assert (leaf.rule, leaf.outcome.purity) == ("always", pytest.approx(2 / 3))
    assert "yes" not in reader.to_json()
    assert reader.to_text() == "k, 3 training rows -> a, 3 rows, 66.7 % pure\n"
