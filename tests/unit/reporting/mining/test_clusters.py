"""The section on clusters: read from a real folder, drawn and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from matplotlib.axes import Axes
from report_support import draw_findings, render_section
from threadpoolctl import threadpool_limits

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.mining.clusters.step import mine_clusters
from tasks.mining.found import Earlier
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation
from tasks.reporting import charts
from tasks.reporting.catalogue import draw_charts
from tasks.reporting.documents import NightDocuments
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.clusters import ClustersFindings, tabulate_clusters
from tasks.reporting.mining.kinds import read_findings
from tasks.reporting.mining.pca import PcaFindings
from tasks.reporting.style import get_headline
from tasks.workflow import Clusters

HOSTILE = '<script>alert("x")</script>'
SPACE = "\N{NO-BREAK SPACE}"


def mine(
    folder: Path,
    columns: dict[str, Any],
    preparation: Preparation,
    earlier: Path | None = None,
    **options: Any,
) -> Path:
    folder.mkdir(parents=True)
    n_rows = len(next(iter(columns.values())))
    rows = pa.table(
        {"id": [f"r{i}" for i in range(n_rows)], "split": ["train"] * n_rows, **columns}
    )
    with DatasetWriter(folder / "clean", rows.schema) as writer:
        writer.write(rows)
    found = folder / "clusters"
    found.mkdir()
    with threadpool_limits(limits=1):
        mine_clusters(
            MiningRows(Dataset.open(folder / "clean"), preparation),
            Clusters(**{"bootstraps": 3, **options}),
            found,
            seed=7,
            earlier=None if earlier is None else Earlier("2026-01-06", earlier),
        )
    return found


def mine_table(
    folder: Path,
    sizes: tuple[int, ...] = (60, 40, 20),
    *,
    names: tuple[str, ...] = ("width", "height"),
    classes: tuple[str, ...] = ("a", "b"),
    spread: float = 0.5,
    **options: Any,
) -> Path:
    """Groups ten apart along the diagonal."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(len(sizes)), sizes)
    X = 10.0 * groups[:, None] + rng.normal(scale=spread, size=(len(groups), len(names)))
    columns: dict[str, Any] = {name: X[:, i] for i, name in enumerate(names)}
    if classes:
        columns["kind"] = list(np.resize(classes, len(groups)))
    preparation = Preparation(
        "kind" if classes else None, tuple(sorted(classes)), None, None, names
    )
    return mine(folder, columns, preparation, **options)


def mine_images(folder: Path, n_channels: int = 1, **options: Any) -> Path:
    rng = np.random.default_rng(1)
    images = (
        rng.integers(0, 50, (40, 4, 6, n_channels)) + 100 * (np.arange(40) % 2)[:, None, None, None]
    )
    columns = {"image": array_to_tensor_column(images.astype(np.uint8))}
    preparation = Preparation(None, (), "image", (4, 6, n_channels), ())
    return mine(folder, columns, preparation, **options)


def read(folder: Path) -> ClustersFindings:
    found = read_findings("clusters", folder)
    assert isinstance(found, ClustersFindings)
    return found


def get_title(ax: Axes) -> str:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return get_headline(figure)


def test_a_table_has_its_map_its_differences_and_its_figures(tmp_path: Path) -> None:
    """Each chart with its data, a caption and words for those who do not see it."""
    drawn = draw_findings(read(mine_table(tmp_path / "now")))
    assert list(drawn) == [
        "map_by_cluster", "map_by_class", "cluster_differences", "cluster_sizes", "silhouette",
        "cluster_stability",
    ]  # fmt: skip
    assert all(c.section == "clusters" and c.title and c.caption and c.alt for c in drawn.values())
    assert len(drawn["map_by_cluster"].data) == 120
    assert drawn["cluster_sizes"].data["n_rows"].tolist() == [60, 40, 20]
    assert len(drawn["silhouette"].data) == 9
    assert len(drawn["cluster_differences"].data) == 3 * 2


def test_the_map_by_class_is_left_to_the_section_on_components(tmp_path: Path) -> None:
    """Where components have a section, theirs is the map by class."""
    findings = read(mine_table(tmp_path / "now"))
    rows = findings.members.drop(columns="cluster")
    document = {
        "explained_variance_ratio": [0.6, 0.4],
        "n_rows": 120,
        "n_rows_fitted": 120,
        "n_components": 2,
    }
    components = PcaFindings(document, rows, None, None)
    maps = [
        (c.name, c.section)
        for c in draw_charts(NightDocuments(findings=(components, findings)))
        if c.name.startswith("map_")
    ]
    assert maps == [("map_by_class", "pca"), ("map_by_cluster", "clusters")]


def test_what_was_not_looked_for_has_no_chart(tmp_path: Path) -> None:
    """A given number has no curve, no resample no stability, no class no map, one input no map at all."""
    folder = mine_table(tmp_path / "now", names=("x",), classes=(), k=3, bootstraps=0)
    assert list(draw_findings(read(folder))) == ["cluster_differences", "cluster_sizes"]


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_images_have_a_gallery(n_channels: int, tmp_path: Path) -> None:
    """Of both clusters the mean, four typical and four border images; no table of pixels."""
    drawn = draw_findings(read(mine_images(tmp_path / "now", n_channels, k=2)))
    assert "cluster_differences" not in drawn
    gallery = drawn["cluster_pictures"]
    assert len(gallery.figure.axes[0].images) == 2 * (1 + 4 + 4)
    assert gallery.title == "2 clusters: what is typical, and what nearly belongs elsewhere"
    first = gallery.figure.axes[0].images[0].get_extent()
    # Four pixels high and six wide stay so.
    assert (first[2] - first[3]) / (first[1] - first[0]) == pytest.approx(4 / 6)


def test_of_many_clusters_the_largest_are_pictured_with_their_own_members(tmp_path: Path) -> None:
    """Fourteen clusters, twelve rows of pictures; each shows the members that its ids name."""
    rng = np.random.default_rng(1)
    tones = np.repeat(np.arange(14) * 18, [6] * 7 + [3] + [6] * 6)
    images = tones[:, None, None, None] + rng.integers(0, 3, (len(tones), 2, 2, 1))
    columns = {"image": array_to_tensor_column(images.astype(np.uint8))}
    folder = mine(
        tmp_path / "now", columns, Preparation(None, (), "image", (2, 2, 1), ()), k=14, bootstraps=0
    )
    findings = read(folder)
    gallery = draw_findings(findings)["cluster_pictures"]
    assert gallery.title.startswith("The 12 largest of 14 clusters")
    assert len(gallery.data) == 12
    means = {
        c["cluster"]: centre
        for c, centre in zip(findings.document["clusters"], findings.centres, strict=True)
    }
    shown = iter(gallery.figure.axes[0].images)
    for row in gallery.data.to_dict("records"):
        pictures = [next(shown).get_array() for _ in range(1 + row["n_typical"] + row["n_border"])]
        mean = means[row["cluster"]][..., 0]
        span = max(float(mean.max() - mean.min()), 1e-9)
        np.testing.assert_allclose(pictures[0], (mean - mean.min()) / span, atol=1e-5)


def test_noise_is_drawn_and_told(tmp_path: Path) -> None:
    """Grey on the map, a bar of its own, and in words."""
    x = np.concatenate([np.random.default_rng(1).normal(0, 1, (50, 2)), np.full((50, 2), 50.0)])
    x[50:] += np.random.default_rng(2).normal(0, 1, (50, 2))
    x[-1] = 900
    columns = {"a": x[:, 0], "b": x[:, 1]}
    preparation = Preparation(None, (), None, None, ("a", "b"))
    findings = read(mine(tmp_path / "now", columns, preparation, by="hdbscan", min_cluster_size=20))
    drawn = draw_findings(findings)
    assert drawn["map_by_cluster"].title.startswith("The 2 clusters")
    assert len(drawn["map_by_cluster"].figure.axes[0].collections) == 3
    assert "1.0\N{NO-BREAK SPACE}% of the rows are noise" in drawn["cluster_sizes"].title
    text = render_section(findings).text
    assert "1 row (1.0 %) is noise and in no cluster" in text.replace(SPACE, " ")
    assert "groups of at least 20 rows" in text


def test_the_section_tells_clusters_in_words_and_units(tmp_path: Path) -> None:
    """Rows, shares, means with their distance from the mean of all rows, stability and classes."""
    page = render_section(read(mine_table(tmp_path / "now", classes=("ant",))))
    text = page.text.replace(SPACE, " ")
    assert (
        "Found by k-means on 2 standardised inputs. Of 2 to 10 clusters the mean silhouette chose 3."
        in text
    )
    assert "a strong structure" in text
    assert "3 clusters of 120 training rows" in text
    assert "highly stable 1.00" in text
    assert "ant 100 %" in text
    assert "low height, low width" in text or "low width, low height" in text
    assert page.count("table") == page.count("caption") == 1
    assert all(a.get("scope") in ("col", "row") for tag, a in page.elements if tag == "th")


def test_a_number_at_the_end_of_its_range_is_questioned(tmp_path: Path) -> None:
    """Four groups, at most four tried: nobody knows what five would have been."""
    text = render_section(read(mine_table(tmp_path / "now", (60, 40, 30, 20), k=(2, 4)))).text
    assert "chose 4, the most that were tried: more may be better." in text


def test_a_cloud_is_called_a_cloud(tmp_path: Path) -> None:
    """Rows without groups get clusters all the same, and a notice that says what they are worth."""
    names = tuple(f"x{i}" for i in range(8))
    findings = read(mine_table(tmp_path / "now", (150,), names=names, spread=1.0, k=4))
    assert findings.document["structure"] == "no substantial"
    assert "No substantial structure. The mean silhouette is 0." in render_section(findings).text


def test_changes_since_last_night_are_told(tmp_path: Path) -> None:
    """Which clusters are new and gone, how many rows moved, and where to."""
    before = mine_table(tmp_path / "before", k=3)
    page = render_section(read(mine_table(tmp_path / "merged", k=2, earlier=before)))
    text = page.text.replace(SPACE, " ")
    assert "Since the night of 2026-01-06:" in text
    assert "of 120 rows that both nights looked at" in text
    assert "no cluster is new, 1 cluster is gone" in text
    assert page.count("table") == page.count("caption") == 2
    text = render_section(
        read(mine_table(tmp_path / "grown", (60, 40, 20, 50), k=4, earlier=before))
    ).text
    assert (
        "0 of 120 rows that both nights looked at changed their cluster; 1 cluster is new (3), none is gone."
        in text
    )
    assert "Moves between clusters" not in text


def test_a_very_small_cluster_is_marked(tmp_path: Path) -> None:
    """One row of two hundred is rather an outlier."""
    text = render_section(read(mine_table(tmp_path / "now", (199, 0, 0, 1), k=2))).text
    assert text.count("few rows: outliers, perhaps") == 1


def test_the_page_is_bounded(tmp_path: Path) -> None:
    """Of thirty clusters twenty are in the table, and the charts say which are drawn."""
    findings = read(mine_table(tmp_path / "now", (8,) * 30, spread=0.1, k=30, bootstraps=1))
    text = render_section(findings).text
    assert "The 20 largest of 30 clusters" in text
    drawn = draw_findings(findings)
    labels = [t.get_text() for t in drawn["cluster_sizes"].figure.axes[0].texts]
    assert "11 other clusters" in labels
    (heat,) = (a for a in drawn["cluster_differences"].figure.axes)
    assert heat.get_xlabel().startswith("the 10 largest of 30 clusters")


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """A script for a column, a class and a cluster is shown, not run; charts can be saved."""
    folder = mine_table(
        tmp_path / "now", names=(HOSTILE, "$\\frac{1}{2}$", "x" * 300), classes=(HOSTILE, "ü & <b>")
    )
    findings = read(folder)
    page = render_section(findings)
    assert page.count("script") == 0
    assert HOSTILE in page.text
    for chart in draw_findings(findings).values():
        save_chart(chart, tmp_path)
        assert "<script" not in (tmp_path / f"{chart.name}.svg").read_text(encoding="utf-8")


def test_a_night_of_unknown_figures_is_told(tmp_path: Path) -> None:
    """Where no silhouette and no stability could be measured, none is claimed."""
    findings = read(mine_table(tmp_path / "now", k=3))
    clusters = [{**c, "silhouette": None, "stability": None} for c in findings.document["clusters"]]
    unknown = {"silhouette": None, "structure": "no substantial", "clusters": clusters}
    bare = replace(findings, document={**findings.document, **unknown})
    assert "The silhouette is not defined for these rows" in render_section(bare).text
    assert "cluster_stability" not in draw_findings(bare)


# --- the charts alone -----------------------------------------------------------------------------


def make_clusters(stability: list[float | None]) -> pd.DataFrame:
    n = len(stability)
    rows = [
        {"cluster": i, "name": f"name {i}", "n_rows": 10 * (n - i), "stability": s}
        for i, s in enumerate(stability)
    ]
    return tabulate_clusters({"clusters": rows})


@pytest.mark.parametrize(
    ("n_clusters", "title"),
    [
        (2, "The 2 clusters on the first two components"),
        (5, "2 of 5 clusters on the first two components"),
    ],
)
def test_a_map_of_a_sample_says_which_clusters_it_misses(n_clusters: int, title: str) -> None:
    """A cluster of few rows may have none among those drawn; noise is no cluster."""
    data = pd.DataFrame({"cluster": [0, 0, 3, -1], "pc1": [0.0, 1, 2, 3], "pc2": [0.0, 1, 2, 9]})
    assert get_title(charts.plot_cluster_map(data, n_clusters=n_clusters)) == title


def test_sizes_are_bars_with_their_shares() -> None:
    """30 and 10 of 50 rows, and 10 of noise."""
    data = make_clusters([None, None]).assign(n_rows=[30, 10])
    ax = charts.plot_cluster_sizes(data, n_noise=10)
    assert [bar.get_width() for bar in ax.containers[0]] == [30, 10, 10]
    texts = [t.get_text().replace(SPACE, " ") for t in ax.texts]
    assert texts == [
        "0: name 0", "1: name 1", "noise: in no cluster", "30 (60.0 %)", "10 (20.0 %)", "10 (20.0 %)",
    ]  # fmt: skip
    assert ax.get_xlabel() == "training rows"
    assert get_title(ax).replace(SPACE, " ") == (
        "2 clusters: the largest holds 60.0 % of 50 rows, the smallest 20.0 %, and 20.0 % of the rows "
        "are noise"
    )


@pytest.mark.parametrize(
    ("stability", "message"),
    [
        ([0.9, 0.8], "Both clusters are stable when the rows are drawn again"),
        ([0.9, 0.8, 0.75], "All 3 clusters are stable when the rows are drawn again"),
        (
            [0.9, 0.74, None],
            "1 of 2 clusters is stable when the rows are drawn again; 1 is not; 2 was in no resample",
        ),
        ([0.1, 0.2], "0 of 2 clusters are stable when the rows are drawn again; 0 and 1 are not"),
    ],
)
def test_stability_is_read_by_hennigs_limits(stability: list[float | None], message: str) -> None:
    """From 0.75 on a cluster is stable; one that no resample held is left out."""
    ax = charts.plot_stability(make_clusters(stability), 20)
    assert get_title(ax) == message
    dots = [line.get_xdata() for line in ax.get_lines() if line.get_marker() == "o"]
    assert [float(x[0]) for x in dots] == [s for s in stability if s is not None]
    assert ax.get_xlabel() == "mean Jaccard similarity on 20 resamples"


def test_differences_name_what_stands_out_most() -> None:
    """Cluster 1 lies 2.4 standard deviations below in mass; what rounds to nothing is left empty."""
    data = pd.DataFrame(
        [
            (0, 30, "m", "mass", 0.8), (0, 30, "w", "width", 0.01),
            (1, 10, "m", "mass", -2.4), (1, 10, "w", "width", -0.04),
        ],
        columns=["cluster", "n_rows", "input", "label", "difference"],
    )  # fmt: skip
    ax = charts.plot_cluster_differences(data)
    assert (
        get_title(ax) == "Cluster 1 stands out most, by mass: \N{MINUS SIGN}2.4 standard deviations"
    )
    assert [t.get_text() for t in ax.texts] == ["+0.8", "\N{MINUS SIGN}2.4", "", ""]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["mass", "width"]


def test_the_silhouette_curve_marks_the_chosen_number() -> None:
    """A number whose silhouette is not defined leaves a gap."""
    data = pd.DataFrame({"k": [2, 3, 4], "silhouette": [0.6, 0.55, float("nan")]})
    ax = charts.plot_silhouette_curve(data, 2)
    assert get_title(ax) == "2 clusters have the best mean silhouette: 0.60"
    assert ax.get_lines()[0].get_ydata()[:2].tolist() == [0.6, 0.55]
    assert ax.get_lines()[1].get_xdata().tolist() == [2]


def test_a_chart_draws_into_the_callers_axes() -> None:
    """With ax given nothing else is made."""
    from tasks.reporting.style import new_figure

    ax = new_figure().subplots()
    assert charts.plot_cluster_sizes(make_clusters([None]), ax=ax) is ax
    assert charts.plot_stability(make_clusters([0.5]), 3, ax=ax) is ax
