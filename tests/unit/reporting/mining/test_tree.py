"""The section on the decision tree: read from a real folder, drawn, told, and put beside the models."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyBboxPatch
from report_support import draw_findings, render_page
from sklearn.datasets import load_digits

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.mining.found import Earlier
from tasks.mining.rows import MiningRows
from tasks.mining.tree.step import mine_tree
from tasks.preparation import Preparation
from tasks.reporting import charts, documents
from tasks.reporting.catalogue import draw_charts
from tasks.reporting.chart import get_figure
from tasks.reporting.charts.trees import ON_COLOUR, _Paint
from tasks.reporting.documents import TREE, NightDocuments
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.findings import Problem
from tasks.reporting.mining.kinds import read_findings
from tasks.reporting.mining.tree import MAX_ENDS, MAX_LEVELS, TreeFindings, tabulate_shown
from tasks.reporting.style import DARK
from tasks.workflow import Tree

HOSTILE = '<script>alert("x")</script>'
NAMES = (HOSTILE, "$\\frac{1}{2}$", "x" * 300)
PERCENT = "\N{NO-BREAK SPACE}%"


def mine(
    folder: Path,
    columns: dict[str, Any],
    preparation: Preparation,
    earlier: Path | None = None,
    **options: Any,
) -> TreeFindings:
    n_rows = len(next(iter(columns.values())))
    split = ["holdout" if i % 4 == 3 else "train" for i in range(n_rows)]
    rows = pa.table({"id": [f"r{i}" for i in range(n_rows)], "split": split, **columns})
    with DatasetWriter(folder / "clean", rows.schema) as writer:
        writer.write(rows)
    found = folder / "tree"
    found.mkdir()
    mine_tree(
        MiningRows(Dataset.open(folder / "clean"), preparation),
        Tree(**options),
        found,
        seed=7,
        earlier=Earlier("2026-01-06", earlier) if earlier else None,
    )
    findings = read_findings("tree", found)
    assert isinstance(findings, TreeFindings)
    return findings


def mine_table(
    folder: Path,
    names: tuple[str, ...] = ("x", "y", "z"),
    classes: tuple[str, ...] = ("low", "high"),
    n_rows: int = 200,
    is_noise: bool = False,
    **options: Any,
) -> TreeFindings:
    """Rows whose class is told by the sum of two columns."""
    rng = np.random.default_rng(1)
    X = rng.random((n_rows, len(names)))
    places = np.minimum((X[:, 0] + X[:, 1]) / 2 * len(classes), len(classes) - 1).astype(int)
    if is_noise:
        places = (rng.random(n_rows) < 0.2).astype(int)
    columns = {"kind": [classes[i] for i in places], **dict(zip(names, X.T, strict=True))}
    return mine(folder, columns, Preparation("kind", classes, None, None, names), **options)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> TreeFindings:
    return mine_table(tmp_path_factory.mktemp("table"), choose="best")


@pytest.fixture(scope="module")
def number(tmp_path_factory: pytest.TempPathFactory) -> TreeFindings:
    return mine_table(tmp_path_factory.mktemp("number"), target="x")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> TreeFindings:
    found = load_digits()
    images = found.images[:900].astype(np.uint8)[..., np.newaxis]
    columns = {"label": found.target[:900].tolist(), "image": array_to_tensor_column(images)}
    preparation = Preparation("label", tuple(range(10)), "image", (8, 8, 1), ())
    return mine(tmp_path_factory.mktemp("digits"), columns, preparation, max_depth=9)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> TreeFindings:
    classes = (HOSTILE, "NA", "c" * 200)
    return mine_table(tmp_path_factory.mktemp("hostile"), NAMES, classes, choose="best")


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> TreeFindings:
    return mine_table(tmp_path_factory.mktemp("noise"), is_noise=True)


class _Tables(HTMLParser):
    """Collects the texts of cells, row by row, and tags that must not be."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002 - its base's
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def read_page(night: NightDocuments) -> _Tables:
    page = _Tables()
    page.feed(render_page(night))
    return page


# --- the picture of the tree --------------------------------------------------------------------


def make_node(n_rows: int, prediction: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "n_rows": n_rows,
        "share": n_rows / 100,
        "prediction": prediction,
        "purity": 0.8,
        **more,
    }


def make_question(yes: dict[str, Any], no: dict[str, Any], column: str = "x") -> dict[str, Any]:
    n_rows = yes["n_rows"] + no["n_rows"]
    return make_node(n_rows, column=column, condition="<= 1", otherwise="> 1", yes=yes, no=no)


def make_chain(depth: int, n_rows: int = 100) -> dict[str, Any]:
    if depth == 0:
        return make_node(n_rows)
    return make_question(make_node(10), make_chain(depth - 1, n_rows - 10))


def make_full(depth: int, n_rows: int = 1024) -> dict[str, Any]:
    if depth == 0:
        return make_node(n_rows)
    half = make_full(depth - 1, n_rows // 2)
    return make_question(half, half)


def test_a_small_tree_is_shown_whole() -> None:
    """Yes before no, each with its parent and its answer."""
    root = make_question(make_node(60), make_question(make_node(30, "b"), make_node(10), "y"))
    data = tabulate_shown(root)
    assert data["kind"].tolist() == ["question", "leaf", "question", "leaf", "leaf"]
    assert data["parent"].tolist() == [-1, 0, 0, 2, 2]
    assert data["answer"].tolist() == ["", "yes", "no", "yes", "no"]
    assert data["column"].tolist() == ["x", "", "y", "", ""]
    assert data["condition"].tolist() == ["<= 1", "", "<= 1", "", ""]
    assert data["n_leaves"].tolist() == [3, 1, 2, 1, 1]


def test_a_deep_branch_is_folded() -> None:
    """After four questions in a row a box says how many leaves there are."""
    data = tabulate_shown(make_chain(9))
    (folded,) = data[data["kind"] == "folded"].to_dict("records")
    assert (folded["depth"], folded["n_leaves"], folded["n_rows"]) == (MAX_LEVELS, 6, 60)
    assert (data["kind"] == "leaf").sum() == MAX_LEVELS


def test_a_wide_tree_has_at_most_sixteen_ends() -> None:
    """The leaves of all boxes are those of the tree."""
    data = tabulate_shown(make_full(7))
    ends = data[data["kind"] != "question"]
    assert len(ends) == MAX_ENDS
    assert ends["n_leaves"].sum() == 2**7


def plot(root: dict[str, Any], classes: tuple[str, ...] = ("a", "b")):
    return charts.plot_tree(tabulate_shown(root), "kind", classes)


def list_boxes(ax: Any) -> list[FancyBboxPatch]:
    return [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]


@pytest.mark.parametrize("root", [make_chain(9), make_full(4), make_full(7), make_full(1)])
def test_no_two_boxes_overlap(root: dict[str, Any]) -> None:
    """Whatever the tree's shape; and all lie inside the axes."""
    ax = plot(root)
    boxes = [box.get_window_extent().transformed(ax.transData.inverted()) for box in list_boxes(ax)]
    spans = [(b.x0, b.x1, min(b.y0, b.y1), max(b.y0, b.y1)) for b in boxes]
    for i, (left, right, top, bottom) in enumerate(spans):
        assert ax.get_xlim()[0] <= left
        assert right <= ax.get_xlim()[1]
        assert 0 <= top < bottom <= ax.get_ylim()[0]
        for other_left, other_right, other_top, other_bottom in spans[:i]:
            is_apart = right <= other_left or other_right <= left
            assert is_apart or bottom <= other_top or other_bottom <= top


def test_boxes_say_question_class_rows_and_purity() -> None:
    """And each line its answer; yes lies above no."""
    ax = plot(make_question(make_node(60), make_node(40, "b", purity=1.0)))
    texts = {text.get_text(): text for text in ax.texts}
    assert {"x <= 1?", "100 rows", "a", "60 rows, 80.0" + PERCENT + " pure"} <= set(texts)
    assert "40 rows, 100" + PERCENT + " pure" in texts
    assert texts["yes"].get_position()[1] < texts["no"].get_position()[1]
    yes, no = ax.get_lines()
    assert yes.get_linewidth() > no.get_linewidth()
    assert get_title(ax) == "x <= 1 is asked first; 2 leaves decide kind"


def test_a_long_question_is_broken_before_its_condition() -> None:
    """The column on one line, what is asked on the next; both are cut to the box."""
    node = make_question(make_node(60), make_node(40, "b"), "flipper_length_mm" * 3)
    ax = plot({**node, "condition": "is one of 1,000 from N0000 to N0999 or other"})
    (text,) = [t.get_text() for t in ax.texts if t.get_text().startswith("flipper")]
    column, condition = text.split("\n")
    assert column.startswith("flipper_length_mmflipper")
    assert condition.startswith("is one of 1,000 from N")
    assert max(map(len, (column, condition))) <= 30


def test_a_purer_leaf_is_of_a_stronger_colour() -> None:
    """Of the same hue; another class has another."""
    root = make_question(
        make_question(make_node(30, purity=0.6), make_node(30, purity=1.0)), make_node(40, "b")
    )
    fills = [box.get_facecolor()[:3] for box in list_boxes(plot(root))]
    mixed, pure, other = (fill for fill in fills if fill != to_rgb("#fefefe"))
    assert sum(pure) < sum(mixed)
    assert np.argmax(pure) == np.argmax(mixed) != np.argmax(other)


def luminance(colour: Any) -> float:
    parts = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in to_rgb(colour)]
    return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))


@pytest.mark.parametrize("n_classes", [10, 0])
def test_words_on_a_leaf_can_be_read(n_classes: int) -> None:
    """A contrast of 4.5 : 1 on every colour (WCAG 1.4.3), also where the page is dark."""
    ends = [
        {"prediction": i if n_classes else i / 9, "purity": purity}
        for i in range(10)
        for purity in (0.1, 0.5, 1.0)
    ]
    paint = _Paint(ends, list(range(n_classes)))
    for end in ends:
        assert (luminance(paint.get(end)[:3]) + 0.05) / (luminance(ON_COLOUR) + 0.05) >= 4.5
    assert ON_COLOUR not in DARK  # it is not swapped


def test_numbers_are_told_with_their_spread(number: TreeFindings) -> None:
    """Mean and standard deviation instead of a class."""
    data = tabulate_shown(number.document["tree"])
    ax = charts.plot_tree(data, "x")
    leaf = data[data["kind"] == "leaf"].iloc[0]
    texts = [text.get_text() for text in ax.texts]
    assert f"{leaf['prediction']:,.4g}" in texts
    assert f"\N{PLUS-MINUS SIGN} {leaf['std']:,.3g}, {leaf['n_rows']} rows" in texts


def test_a_root_alone_is_one_box(noise: TreeFindings) -> None:
    """The finding is that no question helps."""
    assert noise.document["n_leaves"] == 1
    ax = plot(noise.document["tree"])
    assert len(list_boxes(ax)) == 1
    assert get_title(ax) == "No question helps to decide kind"
    assert list(draw_findings(noise)) == ["tree", "tree_sizes"]


# --- the other charts ---------------------------------------------------------------------------


def get_title(ax: Any) -> str:
    return get_figure(ax).get_suptitle().replace("\n", " ")


def make_sizes(means: list[float]) -> pd.DataFrame:
    n_leaves = [1, 3, 9][: len(means)]
    return pd.DataFrame(
        {
            "n_leaves": n_leaves,
            "mean": means,
            "standard_error": 0.02,
            "training": 0.95,
            "limit": 0.88,
        }
    )


def test_the_curve_marks_the_chosen_size() -> None:
    """Error bars are the standard errors; the title says what it is as good as."""
    ax = charts.plot_tree_sizes(make_sizes([0.5, 0.89, 0.9]), 3, "accuracy")
    (ring,) = [line for line in ax.get_lines() if line.get_markersize() == 13]
    assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (3, pytest.approx(89))
    segments = ax.collections[0].get_segments()
    assert [seg[:, 1].tolist() for seg in segments][1] == pytest.approx([87, 91])
    assert ax.get_ylabel() == "accuracy (%)"
    assert get_title(ax) == (
        f"3 leaves reach 89.0{PERCENT} accuracy in cross-validation, as good within chance as 9"
    )


def test_the_best_size_is_called_the_best() -> None:
    """Of numbers by R squared; one leaf is singular."""
    ax = charts.plot_tree_sizes(make_sizes([0.5, 0.4]), 1, "r2")
    assert get_title(ax) == "1 leaf reaches R² 0.50 in cross-validation, the best of all sizes"


def test_importances_stand_side_by_side() -> None:
    """Impurity in per cent, permutation in points with its spread, at most fifteen."""
    data = pd.DataFrame(
        {
            "name": [f"c{i}" for i in range(20)],
            "impurity": np.linspace(0.09, 0.01, 20),
            "permutation": [0.1, 0.3, None, *[0.0] * 17],
            "permutation_std": [0.02, 0.01, None, *[0.0] * 17],
        }
    )
    left, right = charts.plot_importances(data, "accuracy")
    assert [bar.get_width() for bar in left.patches][:1] == pytest.approx([9])
    assert len(left.patches) == len(right.patches) == 15
    assert [bar.get_width() for bar in right.patches][:3] == pytest.approx([10, 30, 0])
    assert left.get_yticklabels()[0].get_text() == "c0"
    assert get_title(left) == f"c0 lowers 9.0{PERCENT} of the impurity; c1 costs most when shuffled"


def test_pixels_are_a_picture(digits: TreeFindings) -> None:
    """What the tree never asks about is empty."""
    assert digits.importance_map is not None
    image = digits.importance_map.sum(axis=2)
    ax = charts.plot_importance_map(image)
    shown = ax.images[0].get_array()
    assert np.ma.getmaskarray(shown).sum() == (image == 0).sum() > 10
    assert float(shown.sum()) == pytest.approx(100)
    y, x = np.unravel_index(int(image.argmax()), image.shape)
    n_used = digits.document["n_inputs_used"]
    assert get_title(ax) == f"The tree looks at {n_used} of 64 pixels, most at pixel {y}, {x}"


@pytest.mark.parametrize("name", ["table", "number", "digits", "hostile", "noise"])
def test_every_chart_is_written(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """As PNG, SVG and CSV, without a warning; no script gets out of a name."""
    for chart in draw_findings(request.getfixturevalue(name)).values():
        listed = save_chart(chart, tmp_path)
        assert listed["section"] == "tree"
        assert chart.caption
        assert len(chart.data)
        assert HOSTILE not in (tmp_path / listed["files"]["svg"]).read_text()


# --- the page -----------------------------------------------------------------------------------


def test_the_page_lists_the_leaves_as_rules(table: TreeFindings) -> None:
    """Those of most rows first, with class, rows, share and purity."""
    page = read_page(NightDocuments(findings=(table,)))
    at = next(i for i, row in enumerate(page.rows) if row and row[0] == "Where")
    assert page.rows[at] == ["Where", "kind", "Rows", "Share", "Pure"]
    first = table.leaves.iloc[0]
    assert page.rows[at + 1][:3] == [first["rule"], first["prediction"], str(first["n_rows"])]
    assert len(page.rows) - at - 1 >= min(12, table.document["n_leaves"])


def test_the_page_says_how_good_it_is(table: TreeFindings, number: TreeFindings) -> None:
    """Accuracy beside that of the most frequent class; of numbers the error in their unit."""
    text = render_page(NightDocuments(findings=(table,)))
    assert "50 hold-out rows" in text
    assert "always saying the most frequent class would be right on" in text
    text = render_page(NightDocuments(findings=(number,)))
    mae = number.document["holdout"]["mae"]
    assert f"<strong>{mae:,.4g}</strong> on average, in the unit of x" in text


def test_the_page_says_where_no_question_helps(noise: TreeFindings) -> None:
    """It is a finding, with no table of rules."""
    text = render_page(NightDocuments(findings=(noise,)))
    assert "No question helps." in text
    assert "Rules of the decision tree" not in text


def test_names_from_the_data_are_text(hostile: TreeFindings) -> None:
    """Markup is escaped, and a class called NA is a class."""
    night = NightDocuments(findings=(hostile,))
    assert "script" not in read_page(night).tags
    text = render_page(night)
    assert "&lt;script&gt;alert" in text
    assert {"NA"} <= set(hostile.leaves["prediction"])
    assert "x" * 100 not in text


def test_the_page_tells_what_changed(tmp_path: Path, table: TreeFindings) -> None:
    """In one sentence: first question, leaves, score, rules, columns."""
    changed = {
        "date": "2026-01-06",
        "root": "y <= 0.4",
        "has_same_root": False,
        "n_leaves": 1,
        "score": 0.5,
        "came": ["x", HOSTILE],
        "went": ["z"],
        "n_rules": 4,
        "n_rules_kept": 1,
    }
    found = replace(table, document={**table.document, "earlier": changed})
    text = re.sub(r"[ \n]+", " ", render_page(NightDocuments(findings=(found,))))
    n_leaves, accuracy = table.document["n_leaves"], table.document["holdout"]["accuracy"]
    assert "the first question was y &lt;= 0.4; 1 leaf then, " + f"{n_leaves} now" in text
    assert f"50.0{PERCENT} of the hold-out right then, {accuracy * 100:.1f}{PERCENT} now" in text
    assert "1 of its 4 rules stands word for word." in text
    assert "New among the five columns that matter most: x, &lt;script&gt;" in text
    assert "No longer among them: z." in text


def test_the_page_tells_that_nothing_changed(tmp_path: Path) -> None:
    """The same rows on the night after."""
    first = mine_table(tmp_path / "first")
    earlier = tmp_path / "first" / "tree"
    second = mine_table(tmp_path / "second", earlier=earlier)
    assert second.document["earlier"]["n_leaves"] == first.document["n_leaves"]
    assert "the first question is the same" in render_page(NightDocuments(findings=(second,)))


# --- beside the networks ------------------------------------------------------------------------


def make_scores(n_holdout: int = 50) -> dict[str, Any]:
    figures = {"accuracy": 0.99, "macro_f1": 0.99, "log_loss": 0.1}
    model = {
        "role": "candidate",
        "validation": None,
        "holdout": figures,
        "interval": {"accuracy": [0.98, 1.0]},
    }
    return {
        "metric": "accuracy",
        "n_holdout": n_holdout,
        "n_validation": 0,
        "challenger": "cnn",
        "classes": ["low", "high"],
        "models": {"cnn": model},
        "confusion": {},
    }


def test_the_tree_stands_beside_the_models(table: TreeFindings) -> None:
    """In the table and in the chart, with its own scores and interval."""
    night = NightDocuments(scores=make_scores(), findings=(table,))
    data = documents.tabulate_scores(documents.add_tree(night) or {})
    assert data["label"].tolist() == ["cnn (challenger)", TREE]
    assert data["role"].tolist() == ["challenger", "tree"]
    holdout, interval = table.document["holdout"], table.document["interval"]
    assert data["value"].tolist() == [0.99, holdout["accuracy"]]
    assert data[["low", "high"]].iloc[1].tolist() == interval["accuracy"]
    row = next(r for r in read_page(night).rows if r and r[0] == TREE)
    assert row[1:3] == ["tree", f"{holdout['accuracy'] * 100:.1f}{PERCENT}"]
    scores = next(c for c in draw_charts(night) if c.name == "scores")
    assert "never becomes challenger" in scores.caption
    assert len(scores.data) == 2


def test_the_scores_themselves_are_not_changed(table: TreeFindings) -> None:
    """The tree is no candidate: nothing but the report sees it."""
    night = NightDocuments(scores=make_scores(), findings=(table,))
    documents.add_tree(night)
    assert night.scores == make_scores()


@pytest.mark.parametrize("case", ["other rows", "a number", "a problem", "no tree"])
def test_a_tree_that_cannot_be_compared_stands_alone(
    case: str, table: TreeFindings, number: TreeFindings
) -> None:
    """Another hold-out, another target, or none: the models are as they were."""
    scores = make_scores(49 if case == "other rows" else 50)
    problem = Problem({"what": "x", "expected": None, "hint": None}, kind="tree", title="Tree")
    findings = {
        "other rows": (table,),
        "a number": (number,),
        "a problem": (problem,),
        "no tree": (),
    }[case]
    night = NightDocuments(scores=scores, findings=findings)
    assert documents.add_tree(night) == scores
    (chart,) = [c for c in draw_charts(night) if c.name == "scores"]
    assert "decision tree" not in chart.caption


def test_a_night_without_scores_has_none() -> None:
    """Also not by the tree's doing."""
    assert documents.add_tree(NightDocuments()) is None
