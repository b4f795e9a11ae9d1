"""What a fitted tree says: its leaves as rules, and its nodes as a document.

Pure module of the mining stage.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.mining.tree.nodes import Nodes
from tasks.mining.tree.words import (
    Bounds,
    Question,
    ask,
    say_number,
    say_rule,
    say_share,
    tidy,
)
from tasks.preparation.originals import Original


@dataclass(frozen=True)
class Outcome:
    """What a node's training rows have.

    Parameters
    ----------
    n_rows : int
    share : float
        Of all training rows of the tree.
    impurity : float
        Gini impurity, entropy in bits, or the variance in the target's unit squared.
    prediction : object
        The most frequent class, or the mean in the target's unit.
    purity : float or None
        Share of that class; None of a number.
    counts : tuple of int
        Rows of each class, by its code; empty of a number.
    std : float or None
        Standard deviation in the target's unit; None of a class.
    """

    n_rows: int
    share: float
    impurity: float
    prediction: Any
    purity: float | None = None
    counts: tuple[int, ...] = ()
    std: float | None = None

    def say(self, target: str) -> str:
        """Word it: ``-> setosa, 50 rows, 100 % pure``."""
        rows = f"{self.n_rows:,} {'row' if self.n_rows == 1 else 'rows'}"
        if self.purity is not None:
            return f"-> {tidy(self.prediction)}, {rows}, {say_share(self.purity)} pure"
        spread = say_number(self.std or 0.0)
        return f"-> {tidy(target)} {say_number(self.prediction)} +- {spread}, {rows}"


@dataclass(frozen=True)
class Leaf:
    """One leaf: what its rows have in common, and what they are said to be."""

    node: int
    rule: str
    outcome: Outcome


@dataclass(frozen=True)
class TreeReader:
    """Says what the nodes of a tree mean.

    Parameters
    ----------
    nodes : Nodes
    names : sequence of str
        Of the inputs.
    originals : mapping of str to Original
        By input, at least of those that are asked about.
    target : str
    classes : sequence
        By their codes; empty of a number.
    mean, scale : float
        Of a number: ``value * scale + mean`` is in its own unit.
    """

    nodes: Nodes
    names: Sequence[str]
    originals: Mapping[str, Original]
    target: str
    classes: Sequence[Any] = ()
    mean: float = 0.0
    scale: float = 1.0

    def get_question(self, node: int) -> Question:
        """Word the question of a node that is no leaf."""
        name = self.names[self.nodes.input[node]]
        return ask(self.originals[name], float(self.nodes.threshold[node]))

    def get_outcome(self, node: int) -> Outcome:
        """Say what a node's rows have."""
        n_rows, impurity = int(self.nodes.n_rows[node]), float(self.nodes.impurity[node])
        share = n_rows / int(self.nodes.n_rows[0])
        values = self.nodes.outputs[node]
        if not self.classes:
            return Outcome(
                n_rows,
                share,
                max(impurity, 0.0) * self.scale**2,
                float(values[0]) * self.scale + self.mean,
                std=math.sqrt(max(impurity, 0.0)) * self.scale,
            )
        counts = tuple(int(n) for n in np.rint(values * n_rows))
        code = int(values.argmax())
        return Outcome(
            n_rows, share, impurity, self.classes[code], purity=counts[code] / n_rows, counts=counts
        )

    def list_leaves(self) -> list[Leaf]:
        """List the leaves as rules, those with most rows first."""
        leaves = []
        waiting: list[tuple[int, dict[str, Bounds]]] = [(0, {})]
        while waiting:
            node, bounds = waiting.pop()
            if self.nodes.left[node] < 0:
                rule = say_rule(bounds, self.originals)
                leaves.append(Leaf(node, rule, self.get_outcome(node)))
                continue
            name, at = self.names[self.nodes.input[node]], float(self.nodes.threshold[node])
            low, high = bounds.get(name, (-math.inf, math.inf))
            waiting.append((int(self.nodes.left[node]), {**bounds, name: (low, min(high, at))}))
            waiting.append((int(self.nodes.right[node]), {**bounds, name: (max(low, at), high)}))
        return sorted(leaves, key=lambda leaf: (-leaf.outcome.n_rows, leaf.node))

    def to_json(self, node: int = 0) -> dict[str, Any]:
        """Make the document of a node with all below it.

        Returns
        -------
        dict
            ``n_rows``, ``share``, ``impurity``, ``prediction``, ``purity`` and ``counts`` (the classes'
            names and rows, those that occur) or ``std``; of a node that asks also ``input``,
            ``column``, ``condition``, ``otherwise``, ``threshold`` (in the input's own unit), ``yes``
            and ``no``.
        """
        outcome = self.get_outcome(node)
        document: dict[str, Any] = {
            "n_rows": outcome.n_rows,
            "share": outcome.share,
            "impurity": outcome.impurity,
            "prediction": outcome.prediction,
        }
        if outcome.purity is None:
            document["std"] = outcome.std
        else:
            document["purity"] = outcome.purity
            document["counts"] = [
                [name, n] for name, n in zip(self.classes, outcome.counts, strict=True) if n
            ]
        if self.nodes.left[node] < 0:
            return document
        question = self.get_question(node)
        original = self.originals[self.names[self.nodes.input[node]]]
        left, right = int(self.nodes.left[node]), int(self.nodes.right[node])
        yes, no = (left, right) if question.is_yes_left else (right, left)
        return {
            **document,
            "input": original.clean,
            "column": question.column,
            "condition": question.condition,
            "otherwise": question.otherwise,
            "threshold": float(original.restore([self.nodes.threshold[node]])[0]),
            "yes": self.to_json(yes),
            "no": self.to_json(no),
        }

    def to_text(self) -> str:
        """Write the tree as indented text, a line per answer."""
        lines: list[str] = []

        def write(node: int, words: str, depth: int) -> None:
            is_leaf = self.nodes.left[node] < 0
            outcome = f" {self.get_outcome(node).say(self.target)}" if is_leaf else ""
            lines.append(f"{'|   ' * depth}{words}{outcome}")
            if is_leaf:
                return
            question = self.get_question(node)
            children = (int(self.nodes.left[node]), int(self.nodes.right[node]))
            yes, no = children if question.is_yes_left else children[::-1]
            write(yes, question.text, depth + 1)
            write(no, f"{question.column} {question.otherwise}", depth + 1)

        n_rows = int(self.nodes.n_rows[0])
        write(0, f"{tidy(self.target)}, {n_rows:,} training rows", 0)
        return "\n".join(lines) + "\n"
