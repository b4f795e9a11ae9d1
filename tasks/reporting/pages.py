"""Our pages: templates, in which every text from the data is escaped, and the charts inside them.

Pure module of the reporting stage.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tasks.reporting.style import (
    DARK,
    say_count,
    say_metric,
    say_number,
    say_percent,
    say_reached,
    say_score,
    shorten,
    shorten_middle,
)

TEMPLATES = Path(__file__).with_name("templates")

_DARK_INK = re.compile("|".join(DARK), re.IGNORECASE)
_URL_SAFE = "/:;=,()*!.~@$-_"


@dataclass(frozen=True)
class EmbeddedChart:
    """A chart as the page shows it.

    Parameters
    ----------
    section, title, caption, alt : str
    width, height : int
        CSS pixels.
    svg : str
        Drawn for a light page.
    """

    section: str
    title: str
    caption: str
    alt: str
    width: int
    height: int
    svg: str

    @classmethod
    def read(cls, entry: Mapping[str, Any], folder: Path) -> EmbeddedChart:
        """Read a chart that was saved into a folder, by its entry in the list of charts."""
        return cls(
            section=entry["section"],
            title=entry["title"],
            caption=entry["caption"],
            alt=entry["alt"],
            width=entry["width"],
            height=entry["height"],
            svg=(folder / entry["files"]["svg"]).read_text(encoding="utf-8"),
        )

    @property
    def light(self) -> str:
        """The picture as a data URI."""
        return to_data_uri(self.svg)

    @property
    def dark(self) -> str:
        """The same for a dark page."""
        return to_data_uri(to_dark(self.svg))


def fill_template(template: str, **values: Any) -> str:
    """Fill a template: self-contained HTML without scripts.

    Parameters
    ----------
    template : str
        A file of the folder ``templates``.
    **values : object
        What it names.

    Returns
    -------
    str
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=lambda n: f"{n:,}",
        percent=say_percent,
        metric=say_metric,
        number=say_number,
        capital=lambda words: words[:1].upper() + words[1:],
        shorten=shorten,
        shorten_middle=shorten_middle,
        figure=say_figure,
        seconds=say_seconds,
    )
    environment.globals.update(
        say_count=say_count, say_score=say_score, say_reached=say_reached, say_gap=say_gap
    )
    return environment.get_template(template).render(values)


def to_dark(svg: str) -> str:
    """Swap a chart's ink for one that is read on a dark page; its data keep their colours."""
    return _DARK_INK.sub(lambda match: DARK[match.group().lower()], svg)


def to_data_uri(svg: str) -> str:
    """Write an SVG into an address, so that the page needs no other file and no script in it could run."""
    return "data:image/svg+xml," + quote(svg, safe=_URL_SAFE)


def say_figure(value: object) -> str:
    """Write a figure with four decimals; what is no number says so."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "none"
    return f"{value:.4f}"


def say_gap(measure: str, value: float) -> str:
    """Write a difference in a measure: of accuracy in points, of others in their own unit.

    Examples
    --------
    >>> say_gap("accuracy", 0.0125), say_gap("mae", 0.031)
    ('1.2 points', '0.031')
    """
    return f"{value * 100:.1f} points" if measure == "accuracy" else say_number(value)


def say_seconds(value: float | None) -> str:
    """Write a duration: seconds, or minutes and seconds past two minutes.

    Examples
    --------
    >>> say_seconds(3.21), say_seconds(185.0)
    ('3.2 s', '3 min 05 s')
    """
    if value is None:
        return "running"
    if value < 120:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds:02d} s"
