"""The section of the report on ``mining.tree``.

Pure but for reading the folder that ``tasks.mining.tree`` wrote.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.reporting import charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.mining.findings import Findings, read_json
from tasks.reporting.style import say_count, say_list, shorten

MAX_ENDS = 16  # leaves and folded branches of the picture: it stays as high as a page
MAX_LEVELS = 4  # questions in a row that it shows: further right they are too narrow to read
MAX_RULES = 12  # of the table; leaves.csv has all
PART_WORDS = {"holdout": "hold-out rows", "validation": "validation rows", "train": "training rows"}
# The document is of this night's own step; leaves.csv may hold more than the page shows.
_RULE_COLUMNS = ("rule", "prediction", "n_rows", "share", "purity", "std")

Node = Mapping[str, Any]


@dataclass(frozen=True)
class TreeFindings(Findings):
    """A decision tree.

    Parameters
    ----------
    document : mapping
        ``tree.json``.
    leaves : DataFrame
        ``rule``, ``prediction``, ``n_rows``, ``share``, and ``purity`` or ``std``; the leaves with most
        rows first.
    importance_map : ndarray of shape (height, width, channels) or None
        Of images: the share of the impurity that each pixel lowers.
    """

    KIND: ClassVar[str] = "tree"
    TITLE: ClassVar[str] = "Decision tree"
    TEMPLATE: ClassVar[str] = "mining_tree.html"

    leaves: pd.DataFrame
    importance_map: npt.NDArray[Any] | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what ``tasks.mining.tree`` wrote."""
        pictured = folder / "importance_map.npy"
        return cls(
            read_json(folder / "tree.json"),
            leaves=pd.read_csv(
                folder / "leaves.csv",
                usecols=lambda name: name in _RULE_COLUMNS,
                # A class may be called "NA", and "01" is not 1.
                dtype={"rule": str, "prediction": str},
                keep_default_na=False,
                nrows=MAX_RULES,
            ),
            importance_map=np.load(pictured, allow_pickle=False) if pictured.exists() else None,
        )

    def draw(self) -> Iterator[Chart]:
        """Draw the tree, how its size was chosen, and what it rests on."""
        document = self.document
        yield self._draw_tree()
        sizes = document["cross_validation"]
        data = pd.DataFrame(sizes["curve"])
        best = sizes["best"]
        data["limit"] = best["mean"] - best["standard_error"]
        rule = (
            "the ringed tree is the smallest within one standard error of the best"
            if sizes["choose"] == "simplest"
            else "the ringed tree has the best mean"
        )
        n_fitted, n_leaves = document["n_rows_fitted"], document["n_leaves"]
        grown = (
            f" Grown on {say_count(n_fitted, 'row')}, it has {say_count(n_leaves, 'leaf', 'leaves')}."
            if n_fitted > sizes["n_rows"]
            else ""
        )
        yield Chart(
            "tree_sizes",
            "tree",
            get_figure(charts.plot_tree_sizes(data, sizes["chosen"]["n_leaves"], sizes["score"])),
            data,
            f"Each size is scored on {say_count(sizes['folds'], 'fold')} of "
            f"{say_count(sizes['n_rows'], 'training row')} that it was not grown on; bars are the standard "
            f"error, and {rule}. Training rows alone would always want more leaves.{grown}",
            f"Line chart of {say_count(len(data), 'size')} of tree.",
        )
        if document["n_leaves"] < 2:
            return
        yield self._draw_importances()

    def tell(self) -> Mapping[str, Any]:
        """Make what the partial shows: the sentence, the rules of most rows, and last night's tree."""
        document = self.document
        return {
            **{key: document[key] for key in _TOLD},
            "cross_validation": document["cross_validation"]["chosen"],
            "rules": self.leaves.head(MAX_RULES).to_dict("records"),
            "is_class": document["kind"] == "class",
            "interval": (document["interval"] or {}).get("accuracy"),
            "root": _say_question(document["tree"]) if "yes" in document["tree"] else None,
        }

    def _draw_tree(self) -> Chart:
        document = self.document
        data = tabulate_shown(document["tree"])
        n_folded = int((data["kind"] == "folded").sum())
        folded = (
            f" Dashed boxes stand for branches that are not shown ({n_folded}); all leaves are in leaves.csv."
            if n_folded
            else ""
        )
        leaf = (
            "the strength of its colour how pure it is, and its per cent the rows that are of its class"
            if document["kind"] == "class"
            else "the strength of its colour how high its mean is, and \N{PLUS-MINUS SIGN} the standard "
            "deviation of its rows"
        )
        return Chart(
            "tree",
            "tree",
            get_figure(charts.plot_tree(data, document["target"], document["classes"])),
            data,
            "Read from the left: yes goes up, no goes down, and the wider a line, the more training rows "
            f"take it. A box at the right is where they arrive: {leaf}.{folded}",
            f"Drawing of a decision tree with {say_count(document['n_leaves'], 'leaf', 'leaves')}.",
        )

    def _draw_importances(self) -> Chart:
        importances = self.document["importances"]
        words = PART_WORDS.get(importances["part"], importances["part"])
        if self.importance_map is not None:
            image = self.importance_map.sum(axis=2)
            y, x = np.nonzero(image)
            data = pd.DataFrame({"row": y, "column": x, "impurity": image[y, x]})
            data = data.sort_values("impurity", ascending=False, kind="stable")
            return Chart(
                "tree_importances",
                "tree",
                get_figure(charts.plot_importance_map(image)),
                data,
                "Empty pixels are never asked about. The darker a pixel, the more its questions do to tell "
                "the classes apart.",
                "Picture of the pixels that the tree asks about.",
            )
        data = pd.DataFrame(importances["columns"])
        data = data[data["impurity"] > 0].reset_index(drop=True)
        left, _ = charts.plot_importances(data, self.document["cross_validation"]["score"])
        return Chart(
            "tree_importances",
            "tree",
            get_figure(left),
            data,
            "Left: the share of what all questions lower the impurity by. Right: how much worse the tree "
            f"is on {importances['n_rows']:,} {words} when the column is shuffled; the mean of five times, with its "
            "standard deviation. Of columns that say the same, only one may seem to count.",
            f"Bar charts of {say_count(len(data), 'column')} that the tree asks about: "
            f"{say_list(list(data['name']))}.",
        )


_TOLD = (
    "target", "classes", "depth", "n_leaves", "n_inputs", "n_inputs_used", "n_rows", "n_rows_fitted",
    "holdout", "n_holdout", "majority", "earlier",
)  # fmt: skip


def tabulate_shown(root: Node) -> pd.DataFrame:
    """Choose the nodes that a picture shows: branches of few rows or many questions are folded.

    Parameters
    ----------
    root : mapping
        The key ``tree`` of ``tree.json``.

    Returns
    -------
    DataFrame
        As :func:`tasks.reporting.charts.plot_tree` takes it, at most 16 ends and 4 questions in a row.
    """
    opened = _choose_opened(root)
    rows: list[dict[str, Any]] = []

    def add(node: Node, path: str, parent: int, answer: str) -> None:
        number, depth = len(rows), len(path)
        is_opened = path in opened
        kind = "question" if is_opened else "folded" if "yes" in node else "leaf"
        rows.append(
            {
                "node": number,
                "parent": parent,
                "answer": answer,
                "depth": depth,
                "kind": kind,
                "column": node["column"] if is_opened else "",
                "condition": node["condition"] if is_opened else "",
                "prediction": node["prediction"],
                "n_rows": node["n_rows"],
                "share": node["share"],
                "purity": node.get("purity"),
                "std": node.get("std"),
                "n_leaves": _count_leaves(node),
            }
        )
        if is_opened:
            add(node["yes"], f"{path}y", number, "yes")
            add(node["no"], f"{path}n", number, "no")

    add(root, "", -1, "")
    return pd.DataFrame(rows)


def _choose_opened(root: Node) -> set[str]:
    """Choose the questions that are shown, by their way from the root: those of most rows."""
    opened: set[str] = set()
    waiting = [(-root["n_rows"], "", root)] if "yes" in root else []
    while waiting and len(opened) < MAX_ENDS - 1:
        _, path, node = heapq.heappop(waiting)
        opened.add(path)
        for letter, answer in (("y", "yes"), ("n", "no")):
            child = node[answer]
            if "yes" in child and len(path) + 1 < MAX_LEVELS:
                # No two ways are the same: the nodes themselves are never compared.
                heapq.heappush(waiting, (-child["n_rows"], path + letter, child))
    return opened


def _count_leaves(node: Node) -> int:
    return _count_leaves(node["yes"]) + _count_leaves(node["no"]) if "yes" in node else 1


def _say_question(node: Node) -> str:
    return f"{shorten(node['column'], 40)} {node['condition']}"
