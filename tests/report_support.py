"""The report's page as elements and text, and the section and charts of one kind of findings."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

from tasks.reporting.catalogue import draw_charts
from tasks.reporting.chart import Chart, get_figure
from tasks.reporting.documents import NightDocuments
from tasks.reporting.mining.findings import MiningSection
from tasks.reporting.report import ReportData, render_report
from tasks.reporting.style import get_headline
from tasks.reporting.summary import NightSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def get_title(ax: Axes) -> str:
    """Read the message over a chart."""
    return get_headline(get_figure(ax))


def get_words(ax: Axes) -> list[str]:
    """Read the words in a chart, with plain spaces."""
    return [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in ax.texts]


class Page(HTMLParser):
    """Collects elements, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a piece of text."""
        self.pieces.append(data)

    @property
    def text(self) -> str:
        """The text in one line."""
        return " ".join("".join(self.pieces).split())

    @property
    def words(self) -> str:
        """The text in one line, that of each element apart."""
        return " ".join(" ".join(self.pieces).split())

    def find(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of all elements of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def count(self, tag: str) -> int:
        """How many elements there are of a kind."""
        return len(self.find(tag))


def render_page(night: NightDocuments) -> str:
    """Write the report of a night of which nothing else is known."""
    summary = NightSummary("tiny", "2026-01-07", "r", "finished", (), None, None, None, None)
    return render_report(ReportData("tiny", "Words.", "2026-01-07", night, summary, {}))


def render_section(findings: MiningSection) -> Page:
    """Read the one section that findings have in the report."""
    html = render_page(NightDocuments(findings=(findings,)))
    begin = html.index(f'<section id="{findings.section}"')
    return Page(html[begin : html.index('<section id="steps"')])


def draw_findings(findings: MiningSection) -> dict[str, Chart]:
    """Draw the charts of findings, by name."""
    return {chart.name: chart for chart in draw_charts(NightDocuments(findings=(findings,)))}
