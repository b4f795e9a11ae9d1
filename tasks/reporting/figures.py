"""Charts as files: PNG at double density, SVG, and the data as CSV.

Shell module of the reporting stage: it writes into a folder that ``tasks.reporting.step`` publishes.
"""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.reporting.style import chart_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tasks.reporting.chart import Chart

PNG_DPI = 200  # twice the 100 dots per inch of a plain screen
PNG_COMPRESSION = 3  # of 9; the usual 6 takes half a second more a night for a sixth fewer bytes
SVG_DPI = 144  # of the pictures inside an SVG: maps of thousands of points
CSS_DPI = 96
PAPER = "#ffffff"  # a PNG goes into mails and slides: it brings its own ground

# A stack that every system answers; the charts are laid out for DejaVu Sans, which is wider than all.
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

_PLAIN_FONTS = "'DejaVu Sans', sans-serif"

_DECIMALS = re.compile(r"(\d+\.\d{2})\d+")
_TAG = re.compile(r"<[^<>]*>")
_COMMENTS = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_PREAMBLE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)


def save_chart(chart: Chart, folder: Path) -> dict[str, Any]:
    """Write a chart's three files.

    Parameters
    ----------
    chart : Chart
    folder : Path
        Exists; the files are named after the chart.

    Returns
    -------
    dict
        JSON-able: ``name``, ``section``, ``title``, ``caption``, ``alt``, ``width`` and ``height``
        (CSS pixels), ``source``, ``files``.
    """
    files = {kind: f"{chart.name}.{kind}" for kind in ("png", "svg", "csv")}
    with chart_style(), warnings.catch_warnings():
        # A script without glyphs in the font shows as boxes; the CSV and the alt text have the words.
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from font", category=UserWarning
        )
        freeze_layout(chart.figure)
        chart.figure.savefig(
            folder / files["png"],
            dpi=PNG_DPI,
            facecolor=PAPER,
            metadata={"Software": None, "Title": None},
            pil_kwargs={"compress_level": PNG_COMPRESSION},
        )
        svg = render_svg(chart.figure, salt=chart.name)
    (folder / files["svg"]).write_text(svg, encoding="utf-8")
    width, height = chart.figure.get_size_inches()
    chart.data.to_csv(folder / files["csv"], index=False, lineterminator="\n")
    return {
        "name": chart.name,
        "section": chart.section,
        "title": chart.title,
        "caption": chart.caption,
        "alt": f"{chart.title}. {chart.alt}",
        "width": round(width * CSS_DPI),
        "height": round(height * CSS_DPI),
        "source": chart.source,
        "files": files,
    }


def freeze_layout(figure: Figure) -> None:
    """Lay a figure out once and for all, or each file format would do it again twice."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")


def render_svg(figure: Figure, *, salt: str) -> str:
    """Draw a figure as SVG text: the same bytes each time.

    Parameters
    ----------
    figure : Figure
    salt : str
        Makes the ids inside differ from those of other charts.

    Returns
    -------
    str
    """
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", dpi=SVG_DPI, metadata={"Date": None})
    text = _PREAMBLE.sub("", _COMMENTS.sub("", _METADATA.sub("", buffer.getvalue())))
    # Two decimals are a hundredth of a point: of coordinates, and never of the words between the tags.
    text = _TAG.sub(lambda tag: _DECIMALS.sub(r"\1", tag.group()), text)
    return text.replace(_PLAIN_FONTS, FONTS)
