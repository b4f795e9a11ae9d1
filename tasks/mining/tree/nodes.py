"""A fitted tree as arrays, and which of its nodes stay when it is cut back.

Pure module of the mining stage, between scikit-learn's trees and what is said about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Nodes:
    """The nodes of a binary tree, a parent always before its children.

    Parameters
    ----------
    left, right : ndarray of int of shape (n_nodes,)
        The children: where ``input <= threshold`` holds, and where not; -1 of a leaf.
    input : ndarray of int of shape (n_nodes,)
        Which input is asked about; negative of a leaf.
    threshold : ndarray of shape (n_nodes,)
    n_rows : ndarray of int of shape (n_nodes,)
        Training rows.
    impurity : ndarray of shape (n_nodes,)
        Gini impurity, entropy in bits, or the variance.
    outputs : ndarray of shape (n_nodes, n_classes) or (n_nodes, 1)
        Shares of the classes, by their codes; or the mean.
    """

    left: Ints
    right: Ints
    input: Ints
    threshold: Floats
    n_rows: Ints
    impurity: Floats
    outputs: Floats

    def __len__(self) -> int:
        return len(self.left)

    @property
    def is_leaf(self) -> Bools:
        """Which nodes have no children."""
        return np.asarray(self.left < 0)

    @cached_property
    def depth(self) -> Ints:
        """Questions before each node."""
        depth = np.zeros(len(self), dtype=np.int64)
        for node in np.flatnonzero(~self.is_leaf):  # parents come first
            depth[[self.left[node], self.right[node]]] = depth[node] + 1
        return depth

    @classmethod
    def read(cls, model: Any, n_classes: int | None) -> Nodes:
        """Read a fitted scikit-learn tree.

        Parameters
        ----------
        model : DecisionTreeClassifier or DecisionTreeRegressor
        n_classes : int or None
            Of a classifier: how many there are in all; the training rows may lack some.
        """
        tree = model.tree_
        values = tree.value[:, 0, :]
        if n_classes is not None:
            shares = np.zeros((len(values), n_classes))
            shares[:, model.classes_] = values
            values = shares
        return cls(
            left=np.asarray(tree.children_left, dtype=np.int64),
            right=np.asarray(tree.children_right, dtype=np.int64),
            input=np.asarray(tree.feature, dtype=np.int64),
            threshold=np.asarray(tree.threshold, dtype=np.float64),
            n_rows=np.asarray(tree.n_node_samples, dtype=np.int64),
            impurity=np.asarray(tree.impurity, dtype=np.float64),
            outputs=np.asarray(values, dtype=np.float64),
        )


def find_pruned_leaves(nodes: Nodes, depth_limit: int, alphas: Floats) -> Bools:
    r"""Find the leaves that a tree has when it is cut at a depth and pruned by cost-complexity.

    A tree that is grown depth first and cut at a depth is the tree that would have been grown to that
    depth, but for chance where two questions gain the same: no tree need be grown twice.

    Parameters
    ----------
    nodes : Nodes
        Of a tree grown to ``depth_limit`` or deeper, not pruned.
    depth_limit : int
        Questions in a row.
    alphas : ndarray of shape (n_alphas,)
        Costs per leaf; 0 prunes nothing.

    Returns
    -------
    ndarray of bool of shape (n_nodes, n_alphas)
        Whether a node is a leaf of the smallest tree that minimises the cost.

    Notes
    -----
    The cost of a tree :math:`T` is :math:`\sum_{t} p(t)\,i(t) + \alpha |T|` over its leaves, with the
    share :math:`p` of the rows and the impurity :math:`i`. From the leaves up, a node keeps its
    children where these cost less together than the node as a leaf; this finds the same tree as cutting
    the weakest links one by one ([1]_, theorems 3.7 and 3.10), for all :math:`\alpha` at once.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone, "Classification and Regression Trees", 1984,
       chapter 3. https://doi.org/10.1201/9781315139470
    """
    own = (nodes.n_rows / nodes.n_rows[0] * nodes.impurity)[:, np.newaxis] + alphas
    cost = own.copy()
    is_split = np.zeros(own.shape, dtype=bool)
    levels = [
        np.flatnonzero((nodes.depth == level) & ~nodes.is_leaf)
        for level in range(min(depth_limit, int(nodes.depth.max())))
    ]
    for parents in reversed(levels):
        together = cost[nodes.left[parents]] + cost[nodes.right[parents]]
        # Without a price per leaf nothing is pruned, not even a question that gains nothing by itself.
        is_split[parents] = (together < own[parents]) | (alphas == 0)
        cost[parents] = np.where(is_split[parents], together, own[parents])
    is_reached = np.zeros(own.shape, dtype=bool)
    is_reached[0] = True
    for parents in levels:
        goes_on = is_reached[parents] & is_split[parents]
        is_reached[nodes.left[parents]] = goes_on
        is_reached[nodes.right[parents]] = goes_on
    return is_reached & ~is_split
