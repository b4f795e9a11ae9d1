from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tasks.mining.tree.growth import ROOT_ALPHA
from tasks.mining.tree.nodes import Nodes, find_pruned_leaves

DATA = {
    "wine": load_wine(return_X_y=True),
    "cancer": load_breast_cancer(return_X_y=True),
    "diabetes": load_diabetes(return_X_y=True),
}


def grow(name: str, **options: object):
    kind = DecisionTreeRegressor if name == "diabetes" else DecisionTreeClassifier
    X, y = DATA[name]
    y = (y - y.mean()) / y.std() if name == "diabetes" else y
    return kind(random_state=3, min_samples_leaf=4, **options).fit(X, y), X, y


@pytest.mark.parametrize(
    ("name", "depth_limit"),
    # At full depth every tree; at less, those in which no two questions gain exactly the same: chance
    # decides between them, and has been asked less often in a smaller tree.
    [*((name, 6) for name in DATA), *(("diabetes", limit) for limit in range(1, 6))],
)
def test_cutting_back_is_growing_anew(name: str, depth_limit: int) -> None:
    """At every depth and between any two prices of the path, the leaves are those of a refit tree."""
    whole, X, y = grow(name, max_depth=6)
    n_classes = None if name == "diabetes" else len(np.unique(y))
    path = grow(name, max_depth=depth_limit)[0].cost_complexity_pruning_path(X, y).ccp_alphas
    prices = np.unique(path[path > 0])
    alphas = np.concatenate([[0.0], np.sqrt(prices[:-1] * prices[1:]), [ROOT_ALPHA]])
    is_leaf = find_pruned_leaves(Nodes.read(whole, n_classes), depth_limit, alphas)
    on_the_way = whole.decision_path(X)
    for i, alpha in enumerate(alphas):
        refit = grow(name, max_depth=depth_limit, ccp_alpha=alpha)[0]
        assert is_leaf[:, i].sum() == refit.get_n_leaves()
        # Every row passes one leaf, and both trees put the same rows together.
        ours = on_the_way[:, np.flatnonzero(is_leaf[:, i])].toarray()
        assert (ours.sum(axis=1) == 1).all()
        pairs = set(zip(ours.argmax(axis=1).tolist(), refit.apply(X).tolist(), strict=True))
        assert len(pairs) == refit.get_n_leaves()


def test_without_a_price_a_question_that_gains_nothing_alone_stays() -> None:
    """Exclusive or: the first question gains nothing, the two after it everything."""
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    whole = DecisionTreeClassifier(random_state=0).fit(X, [0, 1, 1, 0])
    nodes = Nodes.read(whole, 2)
    is_leaf = find_pruned_leaves(nodes, 2, np.array([0.0, 0.1, 0.2]))
    assert is_leaf.sum(axis=0).tolist() == [4, 4, 1]
    assert find_pruned_leaves(nodes, 1, np.array([0.0, 0.1])).sum(axis=0).tolist() == [2, 1]


def test_a_root_alone_is_its_leaf() -> None:
    """Whatever a leaf costs."""
    whole = DecisionTreeClassifier().fit(np.zeros((4, 1)), [0, 1, 0, 1])
    is_leaf = find_pruned_leaves(Nodes.read(whole, 2), 3, np.array([0.0, ROOT_ALPHA]))
    assert is_leaf.tolist() == [[True, True]]


def test_depth_counts_the_questions_before_a_node() -> None:
    """Read from the tree itself, pruned or not."""
    whole, X, _ = grow("wine")
    nodes = Nodes.read(whole, 3)
    assert nodes.depth.max() == whole.get_depth()
    steps = np.asarray(whole.decision_path(X).sum(axis=1)).ravel() - 1
    assert (nodes.depth[whole.apply(X)] == steps).all()


def test_a_class_that_no_row_has_gets_a_share_of_nothing() -> None:
    """The shares stand at the codes of tonight's classes."""
    model = DecisionTreeClassifier().fit([[0.0], [1.0]], [1, 3])
    assert Nodes.read(model, 5).outputs[0].tolist() == [0, 0.5, 0, 0.5, 0]
