"""The section on principal components: read from a real folder, drawn and told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from report_support import draw_findings, render_section

from tasks.dataset import Dataset, DatasetWriter, array_to_tensor_column
from tasks.mining.found import Earlier
from tasks.mining.pca.step import mine_components
from tasks.mining.rows import MiningRows
from tasks.preparation import Preparation
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.kinds import read_findings
from tasks.reporting.mining.pca import PcaFindings, tabulate_variance
from tasks.workflow import Pca

HOSTILE = '<script>alert("x")</script>'
NAMES = (HOSTILE, "NA", "$\\frac{1}{2}$", "weight", "x" * 300)


def mine(
    folder: Path, columns: dict[str, Any], preparation: Preparation, *, n_components: int = 20
) -> Path:
    folder.mkdir(parents=True)
    n_rows = len(next(iter(columns.values())))
    rows = pa.table({"id": map(str, range(n_rows)), "split": ["train"] * n_rows, **columns})
    with DatasetWriter(folder / "clean", rows.schema) as writer:
        writer.write(rows)
    found = folder / "pca"
    found.mkdir()
    earlier = folder.parent / "before" / "pca"
    mine_components(
        MiningRows(Dataset.open(folder / "clean"), preparation),
        Pca(components=n_components),
        found,
        seed=7,
        earlier=Earlier("2026-01-06", earlier) if earlier.exists() and earlier != found else None,
    )
    return found


def mine_table(
    folder: Path,
    names: tuple[str, ...] = NAMES,
    *,
    classes: tuple[str, ...] = (HOSTILE, "b"),
    seed: int = 1,
    n_components: int = 20,
) -> Path:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, len(names))) @ rng.normal(size=(len(names), len(names)))
    columns: dict[str, Any] = {name: X[:, i] for i, name in enumerate(names)}
    if classes:
        columns["kind"] = list(np.resize(classes, 40))
    preparation = Preparation("kind" if classes else None, classes, None, None, names)
    return mine(folder, columns, preparation, n_components=n_components)


def mine_images(folder: Path, n_channels: int = 1) -> Path:
    images = np.random.default_rng(1).integers(0, 255, (40, 4, 5, n_channels)).astype(np.uint8)
    images[:, 0, 0] = 0
    preparation = Preparation(None, (), "image", (4, 5, n_channels), ())
    return mine(folder, {"image": array_to_tensor_column(images)}, preparation, n_components=9)


def read(folder: Path) -> PcaFindings:
    found = read_findings("pca", folder)
    assert isinstance(found, PcaFindings)
    return found


def test_a_table_has_its_curve_its_loadings_and_its_map(tmp_path: Path) -> None:
    """Each with its data, a caption and words for those who do not see it."""
    drawn = draw_findings(read(mine_table(tmp_path / "now")))
    assert list(drawn) == ["explained_variance", "loadings", "map_by_class"]
    assert len(drawn["loadings"].data) == 25
    assert len(drawn["map_by_class"].data) == 40
    assert all(c.section == "pca" and c.title and c.caption and c.alt for c in drawn.values())


def test_names_come_back_as_they_are(tmp_path: Path) -> None:
    """A column called "NA" is no missing value."""
    loadings = read(mine_table(tmp_path / "now")).loadings
    assert loadings is not None
    assert loadings["input"].tolist()[:5] == list(NAMES)


def test_rows_without_classes_have_a_plain_map(tmp_path: Path) -> None:
    """All points in one colour."""
    drawn = draw_findings(read(mine_table(tmp_path / "now", classes=())))
    assert "map_by_class" not in drawn
    assert "class" not in drawn["map"].data
    assert len(drawn["map"].figure.axes[0].collections) == 1


def test_one_component_has_no_map(tmp_path: Path) -> None:
    """A line of points says nothing."""
    findings = read(mine_table(tmp_path / "now", ("only",)))
    assert list(draw_findings(findings)) == ["explained_variance", "loadings"]
    assert "1 component of 1 standardised input holds 100 % of the variance" in render_section(
        findings
    ).text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize("n_channels", [1, 3])
def test_images_have_pictures_and_no_table(tmp_path: Path, n_channels: int) -> None:
    """Nine components, of which eight are drawn; a pixel has no name to tell."""
    findings = read(mine_images(tmp_path / "now", n_channels))
    drawn = draw_findings(findings)
    assert list(drawn) == ["explained_variance", "components", "map"]
    assert len(drawn["components"].figure.axes[0].images) == 8
    page = render_section(findings)
    assert page.find("table") == []
    assert (
        f"{n_channels} input{'s are' if n_channels > 1 else ' is'} the same in all rows"
        in page.text
    )


def test_images_are_compared_in_one_sentence(tmp_path: Path) -> None:
    """The share of the first component, then and now; the same images have not turned."""
    mine_images(tmp_path / "before")
    text = render_section(read(mine_images(tmp_path / "now"))).text
    assert "has turned by 0.0 degrees" in text
    first, second = re.findall(r"held (\S+) % of the variance then, and holds (\S+) %", text)[0]
    assert first == second


def test_the_section_says_what_the_components_hold(tmp_path: Path) -> None:
    """How much together, how many for which share, and the inputs of each."""
    findings = read(mine_table(tmp_path / "now", n_components=3))
    document = {
        **findings.document,
        "explained_variance_fraction": 0.85,
        "n_components_for": [
            {"share": 0.8, "n_components": 2},
            {"share": 0.9, "n_components": None},
            {"share": 0.95, "n_components": None},
        ],
    }
    page = render_section(replace(findings, document=document))
    text = page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "3 components of 5 standardised inputs hold 85.0 % of the variance" in text
    assert "It takes 2 for 80 %, more than 3 for 90 %." in text
    assert "95 %" not in text
    assert "found on" not in text
    first = document["components"][0]["most_telling_inputs"][0]
    said = f"{first['correlation']:+.2f}".replace("-", "\N{MINUS SIGN}")
    assert said in text
    assert len(page.find("tr")) == 4
    assert len(page.find("caption")) == 1
    assert {t.get("scope") for t in page.find("th")} == {"col", "row"}


def test_a_sample_is_called_one(tmp_path: Path) -> None:
    """Figures of a part of the rows do not pass for those of all."""
    findings = read(mine_table(tmp_path / "now"))
    document = {**findings.document, "n_rows": 48_000, "n_rows_fitted": 20_000}
    assert (
        "(found on 20,000 of 48,000)" in render_section(replace(findings, document=document)).text
    )


def test_the_turn_since_the_night_before_is_told(tmp_path: Path) -> None:
    """With the shares of then beside those of now."""
    mine_table(tmp_path / "before", seed=2)
    findings = read(mine_table(tmp_path / "now"))
    since = findings.document["since"]
    page = render_section(findings)
    assert f"has turned by {since['angle_degrees']:.1f} degrees" in page.text
    assert "2026-01-06" in page.text
    assert len(page.find("td")) == 5 * 3
    for is_separated in (True, False):
        document = {**findings.document, "since": {**since, "is_separated": is_separated}}
        said = render_section(replace(findings, document=document)).text
        assert ("may be chance" in said) is not is_separated


def test_other_inputs_are_not_compared(tmp_path: Path) -> None:
    """And the section says so."""
    mine_table(tmp_path / "before", ("weight", "height"))
    page = render_section(read(mine_table(tmp_path / "now")))
    assert "The night of 2026-01-06 looked at other inputs" in page.text
    assert "degrees" not in page.text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """In the table, in the list of constant inputs, and in every chart."""
    findings = read(mine_table(tmp_path / "now"))
    document = {**findings.document, "n_constant_inputs": 30, "constant_inputs": [HOSTILE] * 20}
    page = render_section(replace(findings, document=document))
    assert page.find("script") == []
    assert HOSTILE in page.text
    assert "and 10 more" in page.text
    for chart in draw_findings(findings).values():
        save_chart(chart, tmp_path)
        assert "<script" not in (tmp_path / f"{chart.name}.svg").read_text(encoding="utf-8")


def test_a_table_of_many_components_is_cut(tmp_path: Path) -> None:
    """Six rows, five inputs each: the section stays short whatever the table's width is."""
    names = tuple(f"c{i}" for i in range(30))
    page = render_section(read(mine_table(tmp_path / "now", names)))
    assert len(page.find("tr")) == 7
    assert "The first 6 of 20 components" in page.text


def test_the_curve_ends_at_all_of_the_variance() -> None:
    """Three thirds of six digits add up to 1, and not to a millionth less."""
    data = tabulate_variance({"explained_variance_ratio": [0.333333] * 3})
    assert data["cumulative"].tolist() == [0.33333, 0.66667, 1.0]
    assert data["component"].tolist() == [1, 2, 3]
