"""Data Docs of one validation: Great Expectations' own sections on one page that needs nothing else.

Pure: text out. Great Expectations' site would be 4 MB per validation, load its style from five
servers, and show text from the data as HTML; this page is small, self-contained and escaped.
"""

from __future__ import annotations

import copy
import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from tasks.validation.results import ValidationResult, to_plain

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
    )

# Scripts and requests are forbidden besides being removed: a value that slipped through does nothing.
_HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1d2530; background: #fff; }}
h1 {{ font-size: 1.5rem; }} h5 {{ font-size: 1.1rem; margin: 1.5rem 0 .3rem; }} h6 {{ font-size: 1rem; margin: .5rem 0; }}
table {{ border-collapse: collapse; width: 100%; table-layout: auto; }}
th, td {{ border-bottom: 1px solid #dde2e8; padding: .35rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere; }}
.badge {{ background: #e8ecf1; border-radius: .25rem; padding: 0 .35rem; font-family: ui-monospace, monospace; font-size: .9em; }}
.text-danger {{ color: #a3212b; }} .text-success {{ color: #1c6b3a; }} .text-warning {{ color: #8a5a00; }}
.fas {{ font-style: normal; }} .fa-times::before {{ content: "\\2717 failed"; }}
.fa-check-circle::before {{ content: "\\2713 holds"; }} .fa-exclamation-triangle::before {{ content: "\\26A0 not judged"; }}
pre, code {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
</head>
<body>
"""


def render_data_docs(
    judged: ExpectationSuiteValidationResult, result: ValidationResult, title: str
) -> str:
    """Write the page.

    Parameters
    ----------
    judged : ExpectationSuiteValidationResult
        What Great Expectations found; it is not changed.
    result : ValidationResult
        The same in the house's words.
    title : str

    Returns
    -------
    str
        HTML. All text from the data and from the suite is escaped.
    """
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    document = ValidationResultsPageRenderer(run_info_at_end=True).render(_escape_results(judged))
    view = _get_view()
    sections = [
        view.render({"section": section.to_json_dict(), "section_loop": {"index": i}})
        for i, section in enumerate(document.sections, start=1)
    ]
    body = "\n".join(sections)
    body = re.sub(r"<script\b.*?</script>", "", body, flags=re.DOTALL)  # drawings of Vega's
    body = re.sub(r'<a href="\.\.[^"]*"\s*>(.*?)</a>', r"\1", body)  # other pages of GX's site
    body = re.sub(r"\n\s*\n+", "\n", body)
    return (
        _HEAD.format(title=html.escape(title)) + _summary(result, title) + body + "</body></html>\n"
    )


@cache
def _get_view() -> Any:
    """Great Expectations' view; it compiles its templates once."""
    from great_expectations.render.view.view import DefaultJinjaSectionView

    return DefaultJinjaSectionView()


def _summary(result: ValidationResult, title: str) -> str:
    n_held = sum(e.success for e in result.expectations)
    lines = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{n_held} of {len(result.expectations)} expectations hold for {result.n_rows} rows.</p>",
    ]
    if any(e.is_quarantining for e in result.expectations):
        lines.append(f"<p>Quarantined {result.n_quarantined} rows.</p>")
    failed = [e for e in result.expectations if not e.success]
    if failed:
        items = (
            f"<li><strong>{'quarantine' if e.is_quarantining else e.severity}</strong>: {html.escape(e.in_words)}</li>"
            for e in failed
        )
        lines.append("<ul>" + "".join(items) + "</ul>")
    return "\n".join(lines) + "\n"


def _escape_results(judged: ExpectationSuiteValidationResult) -> ExpectationSuiteValidationResult:
    escaped = copy.deepcopy(judged)
    for result in escaped.results:
        # Plain first: GX's renderers trip over NumPy's floats.
        result.result = _escape(to_plain(result.result))
        result.exception_info = _drop_tracebacks(result.exception_info)
        if result.expectation_config is not None:
            kwargs = result.expectation_config.kwargs
            # GX escapes messages and arguments itself, but not these two.
            kwargs.update(
                {k: _escape(kwargs[k]) for k in ("column", "partition_object") if k in kwargs}
            )
    return escaped


def _drop_tracebacks(value: Any) -> Any:
    """Keep the messages: tracebacks name the paths of this machine."""
    if isinstance(value, dict):
        return {
            k: "" if k == "exception_traceback" else _drop_tracebacks(v) for k, v in value.items()
        }
    return value


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return html.escape(value)
    if isinstance(value, dict):
        return {_escape(k): _escape(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_escape(v) for v in value]
    return value
