from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd

from tasks.reporting.catalogue import Chart, draw_charts
from tasks.reporting.documents import NightDocuments
from tasks.reporting.figures import save_chart


def draw(night: NightDocuments, name: str) -> Chart:
    section = {"map_by_class": "findings", "confusion": "scores"}.get(name, "cleaning_report")
    drawn = draw_charts(NightDocuments(**{section: getattr(night, section)}, series=night.series))
    return next(chart for chart in drawn if chart.name == name)


def test_a_chart_is_three_files_and_an_entry(night: NightDocuments, tmp_path: Path) -> None:
    """PNG at twice the density, SVG, and the data behind them as CSV."""
    from matplotlib.image import imread

    chart = draw(night, "rows")
    entry = save_chart(chart, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["rows.csv", "rows.png", "rows.svg"]
    assert entry["files"] == {"png": "rows.png", "svg": "rows.svg", "csv": "rows.csv"}
    assert entry["alt"].startswith(entry["title"])
    assert imread(tmp_path / "rows.png").shape[:2] == (520, 1040)
    assert (entry["width"], entry["height"]) == (499, 250)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "rows.csv"), chart.data)


def test_the_same_chart_gives_the_same_bytes(night: NightDocuments, tmp_path: Path) -> None:
    """No date and no chance in the files: a retry publishes the same artifact."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        save_chart(draw(night, "map_by_class"), folder)
    for name in ("map_by_class.png", "map_by_class.svg", "map_by_class.csv"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()


def test_figures_in_words_keep_their_digits(number_night: NightDocuments, tmp_path: Path) -> None:
    """Coordinates are cut to two decimals, and what is written never is."""
    chart = next(c for c in draw_charts(number_night) if c.name == "errors")
    save_chart(chart, tmp_path)
    svg = (tmp_path / "errors.svg").read_text(encoding="utf-8")
    texts = [text for text in ET.fromstring(svg).itertext() if "predicts" in text]
    assert texts == ["mlp leans to one side: it predicts 2.000 too high on"]
    assert not re.search(r' (?:x|y|d)="[^"]*\d\.\d{3}', svg)


def test_hostile_names_stay_text_in_the_svg(hostile_night: NightDocuments, tmp_path: Path) -> None:
    """The SVG is well-formed and has no element that a name brought along."""
    for name in ("classes", "confusion", "quarantine", "missing", "series_1", "map_by_class"):
        chart = draw(hostile_night, name)
        save_chart(chart, tmp_path)
        root = ET.parse(tmp_path / f"{chart.name}.svg").getroot()
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert names.isdisjoint({"script", "b", "foreignObject"})


def test_a_script_without_glyphs_is_saved_without_a_warning(
    night: NightDocuments, tmp_path: Path
) -> None:
    """Classes may be named in any script; warnings are errors in this test."""
    from dataclasses import replace

    report = {**(night.cleaning_report or {}), "quarantined_by_reason": {"数字が読めない": 2}}
    save_chart(draw(replace(night, cleaning_report=report), "quarantine"), tmp_path)
    assert "数字が読めない" in (tmp_path / "quarantine.svg").read_text(encoding="utf-8")
