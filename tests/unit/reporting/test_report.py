from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from report_support import Page as TextPage

from tasks.reporting.catalogue import draw_charts
from tasks.reporting.documents import NightDocuments
from tasks.reporting.explained import Explained
from tasks.reporting.figures import save_chart
from tasks.reporting.mining.findings import Problem
from tasks.reporting.pages import EmbeddedChart, to_dark
from tasks.reporting.report import ReportData, render_report
from tasks.reporting.style import INK
from tasks.reporting.summary import NightSummary, StepSummary
from tasks.reporting.verdict import say_verdict

MAX_PAGE_BYTES = 2_000_000
HOSTILE = '<script>alert("x")</script>'
NBSP = "\N{NO-BREAK SPACE}"


class Page(HTMLParser):
    """Collects a page's elements, addresses and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element with its attributes."""
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a piece of text."""
        self.text.append(data)

    def find(self, tag: str) -> list[dict[str, str | None]]:
        """List the attributes of all elements of one kind."""
        return [attributes for name, attributes in self.elements if name == tag]


def embed_charts(night: NightDocuments, folder: Path) -> list[EmbeddedChart]:
    charts = []
    for chart in draw_charts(night):
        entry = save_chart(chart, folder)
        svg = (folder / entry["files"]["svg"]).read_text(encoding="utf-8")
        keys = ("section", "title", "caption", "alt", "width", "height")
        charts.append(EmbeddedChart(svg=svg, **{k: entry[k] for k in keys}))
    return charts


@pytest.fixture(scope="module")
def charts(tmp_path_factory: pytest.TempPathFactory, night: NightDocuments) -> list[EmbeddedChart]:
    """The night's charts, drawn once: drawing them takes seconds."""
    return embed_charts(night, tmp_path_factory.mktemp("charts"))


def make_data(night: NightDocuments, charts: Sequence[EmbeddedChart], **more: Any) -> ReportData:
    summary = NightSummary(
        workflow="tiny",
        night="2026-01-07",
        run_id="r" * 32,
        status="running",
        steps=(
            StepSummary("ingest", 1.5, "finished", None),
            StepSummary("train.cnn", 130.0, "finished", None),
            StepSummary("report", None, "running", None),
        ),
        rows=None,
        metrics=None,
        decision=None,
        model={"name": "tiny", "version": "4"},
    )
    made = ReportData(
        workflow="tiny",
        description="Which animal is this?",
        date="2026-01-07",
        night=night,
        summary=summary,
        provenance={"Git commit": "abc123", "Seed": "7"},
        charts=charts,
    )
    return replace(made, **more)


def test_the_page_loads_nothing_and_runs_nothing(
    night: NightDocuments, charts: list[EmbeddedChart]
) -> None:
    """Every address is a fragment or a data URI; no script, no link, and a policy that says so."""
    text = render_report(make_data(night, charts))
    page = Page(text)
    assert not page.find("script")
    assert not page.find("link")
    addresses = [
        value
        for _, attributes in page.elements
        for name, value in attributes.items()
        if name in {"src", "srcset", "href", "action", "data", "poster"} and value
    ]
    assert addresses
    assert all(address.startswith(("#", "data:image/svg+xml,")) for address in addresses)
    assert "url(" not in re.sub(r'"data:[^"]*"', "", text)
    policy = next(m["content"] for m in page.find("meta") if "http-equiv" in m)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_the_page_stays_below_two_megabytes(
    night: NightDocuments, charts: list[EmbeddedChart]
) -> None:
    """It must open at once, also from a mail."""
    assert len(render_report(make_data(night, charts)).encode()) < MAX_PAGE_BYTES


def test_hostile_text_is_escaped_everywhere(hostile_night: NightDocuments, tmp_path: Path) -> None:
    """Whatever a class, a reason, a workflow or a step is called, it stays text."""
    data = make_data(
        hostile_night, embed_charts(hostile_night, tmp_path), workflow=HOSTILE, description=HOSTILE
    )
    text = render_report(data)
    page = Page(text)
    assert not page.find("script")
    assert not page.find("b")
    assert HOSTILE in "".join(page.text)
    for image in page.find("img"):
        assert "<script" not in unquote(image["src"] or "")


def test_every_picture_has_words_and_both_themes(
    night: NightDocuments, charts: list[EmbeddedChart]
) -> None:
    """An alt text, a size, and a source for dark pages per figure."""
    page = Page(render_report(make_data(night, charts)))
    images, sources = page.find("img"), page.find("source")
    assert len(images) == len(sources) == 11
    assert all(image["alt"] and image["width"] and image["height"] for image in images)
    assert {s["media"] for s in sources} == {"(prefers-color-scheme: dark)"}


def test_headings_and_tables_are_semantic(
    night: NightDocuments, charts: list[EmbeddedChart]
) -> None:
    """One h1, sections with headings, and a caption in every table."""
    page = Page(render_report(make_data(night, charts)))
    assert len(page.find("h1")) == 1
    sections = [s["id"] for s in page.find("section")]
    assert sections == [
        "decision",
        "scores",
        "training",
        "data",
        "pca",
        "rules",
        "steps",
        "provenance",
    ]
    assert len(page.find("caption")) == len(page.find("table")) == 5
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for a in page.find("a")} == {f"#{s}" for s in sections}


@pytest.mark.parametrize(("n_duplicates", "words"), [(3, "adds up"), (4, "does not add up")])
def test_the_rows_are_added_up(night: NightDocuments, n_duplicates: int, words: str) -> None:
    """500 used + 7 quarantined + 3 duplicates are the 510 that came in; with 4 they are not."""
    report = {**(night.cleaning_report or {}), "rows_duplicate": n_duplicates}
    data = make_data(replace(night, cleaning_report=report), ())
    text = "".join(Page(render_report(data)).text)
    assert words in text
    assert ("does not" in words) == ("does not add up" in text)


@pytest.fixture(scope="module")
def data_page(data_night: NightDocuments) -> Page:
    return Page(render_report(make_data(data_night, (), has_candidates=False)))


def test_a_night_without_candidates_says_that_the_data_are_ready(data_page: Page) -> None:
    """The first line is how many rows; nothing is said of decisions or scores."""
    text = "".join(data_page.text)
    assert "96 clean rows are ready." in text
    assert "The workflow has no candidates" in text
    assert [s["id"] for s in data_page.find("section")] == ["data", "steps", "provenance"]
    assert {"badge ready"} <= {str(s.get("class")) for s in data_page.find("span")}
    assert "100 came in, 3 were added" in text


def test_warnings_are_named_in_the_first_lines(data_night: NightDocuments) -> None:
    """Data that are ready but broke a promise are not praised."""
    warned = {"clean": {**data_night.validations["clean"], "n_warnings": 2}}
    data = make_data(replace(data_night, validations=warned), (), has_candidates=False)
    assert "2 promises did not hold" in "".join(Page(render_report(data)).text)


def test_a_night_that_never_cleaned_has_no_data() -> None:
    """Without a cleaning report nothing is ready."""
    page = Page(render_report(make_data(NightDocuments(), (), has_candidates=False)))
    assert "The data are not ready." in "".join(page.text)


def test_rows_of_a_time_grid_add_up(data_page: Page) -> None:
    """100 in and 3 added are 96 used, 4 quarantined, 1 duplicate and 2 merged."""
    text = "".join(data_page.text)
    assert "adds up" in text
    assert "does not add up" not in text
    assert "first by co2" in text
    assert "it learned from 70 training rows" in text


def test_every_column_says_what_became_of_it(data_page: Page) -> None:
    """What was missing, marked, filled and moved to a limit; kinds that never happened are left out."""
    text = "".join(data_page.text)
    for words in ("2 x marked missing", "5 x filled with the median", "1 x clipped to the limit"):
        assert words.replace(" x ", " \N{MULTIPLICATION SIGN} ") in text
    for heading in ("Missing on arrival", "Made missing", "Filled", "Moved to a limit"):
        assert heading in text
    assert "untouched" in text
    assert "Other changes" not in text


def test_gaps_are_listed(data_page: Page) -> None:
    """Their first and last step, and how many there are."""
    text = "".join(data_page.text)
    assert "1 gap in the series, 3 steps in all" in text
    assert "2001-01-20" in text


def test_an_expectation_that_rejects_rows_says_so(night: NightDocuments) -> None:
    """It is critical and did not hold, but the night went on without these rows."""
    raw = night.validations["raw"]
    rejecting = {**raw["expectations"][0], "success": False, "is_quarantining": True}
    validations = {"raw": {**raw, "expectations": [rejecting]}}
    page = Page(render_report(make_data(replace(night, validations=validations), ())))
    assert "to quarantine" in page.text
    assert "critical" not in page.text


def test_many_columns_and_gaps_are_cut(data_night: NightDocuments) -> None:
    """A table of 500 columns shows the 60 with most changes, and says so."""
    columns = {f"c{i}": {"missing": i, "changes": {}} for i in range(500)}
    gaps = [{"first": f"g{i}", "last": "", "n_steps": i} for i in range(90)]
    report = {**(data_night.cleaning_report or {}), "columns": columns, "gaps": gaps}
    page = Page(render_report(make_data(replace(data_night, cleaning_report=report), ())))
    text = "".join(page.text)
    assert "the 60 of 500 with most changes" in text
    assert "c499" in text
    assert "c439" not in text
    assert "40 are shown" in text


def test_steps_that_ended_are_listed_with_their_time(night: NightDocuments) -> None:
    """The report itself still runs and is not listed."""
    text = "".join(Page(render_report(make_data(night, ()))).text)
    assert "1.5 s" in text
    assert "2 min 10 s" in text
    assert "running" not in text


def test_a_candidate_that_could_not_be_trained_says_why(night: NightDocuments) -> None:
    """The others were compared without it, and the page does not hide that; its text stays text."""
    data = make_data(night, [])
    failed = StepSummary("train.wild", 2.0, "failed", "TrainingError: the loss became <b>nan</b>")
    summary = replace(data.summary, steps=(*data.summary.steps, failed))
    text = render_report(replace(data, summary=summary))
    assert "<strong>wild could not be trained.</strong>" in text
    assert "the loss became &lt;b&gt;nan&lt;/b&gt;" in text
    assert "could not be trained" not in render_report(data)


def test_a_night_without_documents_still_has_a_page() -> None:
    """A page that says plainly that nothing was decided."""
    summary = NightSummary("tiny", "2026-01-07", "r", "failed", (), None, None, None, None)
    data = ReportData("tiny", "Words.", "2026-01-07", NightDocuments(), summary, {})
    page = Page(render_report(data))
    assert [s["id"] for s in page.find("section")] == ["steps", "provenance"]
    assert "the model in production stays as it is" in "".join(page.text)


def test_what_mining_found_has_its_own_sections(
    night: NightDocuments, charts: list[EmbeddedChart]
) -> None:
    """In the order of the findings, each in the navigation under its heading, with its charts."""
    page = Page(render_report(make_data(night, charts)))
    order = [s["id"] for s in page.find("section") if s["id"] in {"pca", "rules"}]
    assert order == ["pca", "rules"]
    text = render_report(make_data(night, charts))
    assert '<li><a href="#pca">Principal components</a></li>' in text
    assert '<li><a href="#rules">Association rules</a></li>' in text
    section = text[text.index('<section id="pca"') : text.index('<section id="rules"')]
    assert section.count("<figure>") == 3


def test_a_problem_says_why_nothing_was_found(
    night: NightDocuments, charts: list[EmbeddedChart]
) -> None:
    """What happened, what was expected and what to do, and no picture."""
    text = render_report(make_data(night, charts))
    section = text[text.index('<section id="rules"') : text.index('<section id="steps"')]
    assert "<figure>" not in section
    assert {"class": "notice"} in Page(section).find("p")
    words = " ".join("".join(Page(section).text).split())
    assert (
        "Nothing was found tonight. No training row has a basket. Expected: at least one. "
        "What to do: correct 'mining.rules.baskets'."
    ) in words


def test_a_problem_draws_nothing() -> None:
    """Charts are of what was found."""
    problem = Problem({"what": "Why."}, kind="tree", title="Decision tree")
    assert list(draw_charts(NightDocuments(findings=(problem,)))) == []
    assert (problem.section, problem.heading) == ("tree", "Decision tree")


def test_a_problem_may_leave_out_what_is_not_known(data_night: NightDocuments) -> None:
    """An error need not say what was expected."""
    document = {"what": "Why.", "expected": None, "hint": None}
    problem = Problem(document, kind="tree", title="Decision tree")
    page = Page(render_report(make_data(replace(data_night, findings=(problem,)), ())))
    text = "".join(page.text)
    assert "Why." in text
    assert "Expected" not in text
    assert "None" not in text


@pytest.fixture(scope="module")
def forecast_page(
    forecast_night: NightDocuments, tmp_path_factory: pytest.TempPathFactory
) -> TextPage:
    charts = embed_charts(forecast_night, tmp_path_factory.mktemp("forecast"))
    return TextPage(render_report(make_data(forecast_night, charts)))


def test_forecasts_are_scored_by_errors_of_windows(forecast_page: TextPage) -> None:
    """The smallest error stands first, windows are no rows, and what nobody could forecast is said."""
    text = forecast_page.words
    assert "All models predicted the same 40 hold-out windows" in text
    assert "3 windows could not be served and were left out for everybody" in text
    assert "Hold-out scores, best MSE first" in text
    order = [text.index(f" {name} ") for name in ("line baseline", "lstm (challenger) challenger")]
    assert order == sorted(order)
    assert "Accuracy" not in text


def test_forecasts_are_also_judged_in_their_own_units(forecast_page: TextPage) -> None:
    """Mean absolute errors of the first and the last step, of all, and of the best baseline."""
    assert "co2 2.000 6.000 4.000 3.000" in forecast_page.words
    assert "other 0.200 0.600 0.400 0.300" in forecast_page.words


def test_the_tiles_show_challenger_and_best_baseline(forecast_page: TextPage) -> None:
    """Of three other models only the best baseline has one; there is no champion yet."""
    tiles = [tile["class"] for tile in forecast_page.find("div") if "tile " in str(tile["class"])]
    assert tiles == ["tile challenger", "tile baseline"]
    assert "lstm (challenger): MSE 0.400 95 % interval 0.300 to 0.500" in forecast_page.words
    assert "line (baseline): MSE 0.300" in forecast_page.words


def test_trainings_are_listed_with_their_gap(forecast_page: TextPage) -> None:
    """Parameters, best epoch, time, both scores and how far they are apart."""
    text = forecast_page.words
    assert "lstm 1,234 3 of 3 2.5 s 0.150 0.350 0.200" in text
    assert "line linear_autoregression 1,234 not converged 2.5 s 0.150" in text
    assert "Left out of the learning curve: 10.0 % of the training windows. Ten windows" in text


def test_the_interpretation_has_its_section(forecast_page: TextPage) -> None:
    """Whose it is, what was shuffled, and what each column costs."""
    sections = [s["id"] for s in forecast_page.find("section")]
    assert sections[:3] == ["scores", "training", "interpretation"]
    text = forecast_page.words
    assert "Why lstm says what it says" in text
    assert "On 30 hold-out windows it has an MSE of 0.400" in text
    assert "co2 0.400 0.010 yes noise -0.010 0.020 no" in text


def test_what_could_not_be_explained_says_why(night: NightDocuments) -> None:
    """The reason stands where the charts would."""
    document = {"challenger": "cnn", "kind": "classification", "importance": None}
    explained = Explained({**document, "saliency": None, "reason": "One row is too few."})
    page = TextPage(render_report(make_data(replace(night, explained=explained), ())))
    assert "Not explained tonight. One row is too few." in page.words
    silent = replace(night, explained=Explained(document))
    sections = TextPage(render_report(make_data(silent, ()))).find("section")
    assert "interpretation" not in [s["id"] for s in sections]


def test_pictures_say_how_they_were_made(night: NightDocuments, saliency: Explained) -> None:
    """The method, its steps, and what a picture is compared with."""
    page = TextPage(render_report(make_data(replace(night, explained=saliency), ())))
    assert "Pictures by integrated gradients in 32 steps" in page.words
    assert "compared with the mean training image" in page.words


def test_numbers_are_scored_in_their_own_unit(number_night: NightDocuments) -> None:
    """Columns and digits suit what is measured: an RMSE of 1,200 needs no decimals."""
    page = TextPage(render_report(make_data(number_night, ())))
    assert "RMSE MAE R\N{SUPERSCRIPT TWO}" in page.words
    assert "mlp (challenger) challenger 2.200 1.760 0.900 1.980 to 2.420 2.200" in page.words
    assert "line baseline 1,200 960.0 0.900" in page.words
    assert "On 30 hold-out rows it has an RMSE of 0.400" in page.words


def test_a_verdict_on_errors_reads_as_a_sentence() -> None:
    """An error is reached, not scored."""
    decision = {
        **make_decision("promote", {"version": "3", "score": 0.5}),
        "metric": "mse",
        "is_error": True,
        "challenger": {"name": "lstm", "score": 0.318},
    }
    found = say_verdict(decision, {"name": "tiny", "version": "4"})
    assert found.sentence == (
        "lstm (version 4) is the new champion: an MSE of 0.318, where version 3 has 0.500."
    )
    kept = say_verdict({**decision, "verdict": "keep"}, None)
    assert kept.sentence == (
        "Version 3 stays champion with an MSE of 0.500; tonight's challenger, lstm, has 0.318."
    )


def make_decision(verdict: str, champion: object) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "reason": "why",
        "metric": "accuracy",
        "challenger": {"name": "cnn", "score": 0.98},
        "champion": champion,
        "baseline": {"score": 0.9},
        "rules": [],
    }


@pytest.mark.parametrize(
    ("decision", "badge", "sentence"),
    [
        (
            make_decision("promote", {"version": "3", "score": 0.97}),
            "Promoted",
            "cnn (version 4) is the new champion: 98.0 % accuracy, where version 3 has 97.0 %.",
        ),
        (
            make_decision("promote", None),
            "Promoted",
            "cnn (version 4) is the first champion, with 98.0 % accuracy.",
        ),
        (
            make_decision("keep", {"version": "3", "score": 0.99}),
            "Champion kept",
            "Version 3 stays champion with 99.0 % accuracy; tonight's challenger, cnn, has 98.0 %.",
        ),
        (
            make_decision("keep", None),
            "Not promoted",
            "There is no champion yet: the best model tonight, cnn, has 98.0 % accuracy.",
        ),
        (
            make_decision("ask", {"version": "3", "score": 0.97}),
            "A person decides",
            "cnn (version 4) awaits an answer in Airflow: 98.0 % accuracy, where version 3 has 97.0 %.",
        ),
        (
            make_decision("ask", None),
            "A person decides",
            "cnn (version 4) awaits an answer in Airflow: 98.0 % accuracy.",
        ),
        (
            make_decision("shadow", {"version": "3", "score": 0.97}),
            "Runs along",
            (
                "cnn (version 4) runs along and does not become champion: 98.0 % accuracy, where version 3 "
                "has 97.0 %."
            ),
        ),
        (
            make_decision("promote", {"version": "3", "score": None}),
            "Promoted",
            (
                "cnn (version 4) is the new champion: 98.0 % accuracy, and version 3 cannot be compared "
                "with."
            ),
        ),
        (
            make_decision("keep", {"version": "3", "score": None}),
            "Champion kept",
            "Version 3 stays champion; tonight's challenger, cnn, has 98.0 %.",
        ),
    ],
)
def test_the_first_line_says_the_verdict_with_its_numbers(
    decision: dict[str, Any], badge: str, sentence: str
) -> None:
    """A manager reads who reigns now, and by how much."""
    found = say_verdict(decision, {"name": "tiny", "version": "4"})
    assert (found.badge, found.sentence) == (badge, sentence.replace(" %", f"{NBSP}%"))


def test_a_challenger_that_was_rolled_back_from_is_not_said_to_reign() -> None:
    """The gate let it through, the registry held it back: the page says who reigns, and why."""
    decision = make_decision("promote", {"version": "5", "score": 0.97})
    why = "held back: it, as version 4, was rolled back from on 2026-01-06 by ada: odd sevens"
    found = say_verdict(decision, {"name": "tiny", "version": "4"}, why)
    assert (found.kind, found.badge) == ("kept", "Held back")
    assert found.sentence == (
        f"Version 5 stays champion: cnn (version 4) with 98.0{NBSP}% accuracy was not let through again."
    )
    assert found.reason == "it, as version 4, was rolled back from on 2026-01-06 by ada: odd sevens"
    assert say_verdict(decision, None, "promoted").badge == "Promoted"


def test_a_dark_chart_has_other_ink_and_the_same_data() -> None:
    """Only ink and ground are swapped."""
    dark = to_dark(f'<g style="fill: {INK}"/><g style="fill: #2a78b8"/>')
    assert INK not in dark
    assert "#2a78b8" in dark
