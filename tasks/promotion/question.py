"""What a person is asked about a challenger: a headline, and the gate's decision as a page of Markdown.

Pure; called by ``tasks.promotion.asking`` with the document ``decision.json``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.metrics import say_score
from tasks.promotion.rules import Rule
from tasks.promotion.words import escape_markup, tabulate_rules


@dataclass(frozen=True)
class Question:
    """What a person is asked.

    Parameters
    ----------
    name, version : str
        The registered model and the challenger.
    key : str
        Of the decision that it rests on: a night that is judged again asks again.
    subject : str
        The question in a line.
    body : str
        Markdown: what the gate found.
    hours : float
        How long an answer is waited for.
    """

    name: str
    version: str
    key: str
    subject: str
    body: str
    hours: float


def say_subject(name: str, version: str, document: Mapping[str, Any]) -> str:
    """Ask in one line.

    Parameters
    ----------
    name : str
        The registered model.
    version : str
        The challenger's.
    document : mapping
        ``decision.json``.

    Examples
    --------
    >>> decision = {"challenger": {"name": "cnn"}, "champion": {"version": "3"}}
    >>> say_subject("digits", "7", decision)
    'digits: make version 7 (cnn) champion in place of version 3?'
    >>> say_subject("digits", "1", {**decision, "champion": None})
    'digits: make version 1 (cnn) the first champion?'
    """
    champion, challenger = document["champion"], document["challenger"]["name"]
    becomes = (
        f"champion in place of version {champion['version']}" if champion else "the first champion"
    )
    return f"{name}: make version {version} ({challenger}) {becomes}?"


def write_body(
    document: Mapping[str, Any], *, version: str, night: str, link: str, hours: float
) -> str:
    """Write what a person needs in order to decide.

    Parameters
    ----------
    document : mapping
        ``decision.json``.
    version : str
        The challenger's.
    night : str
        The night's date.
    link : str
        Where the night is in MLflow.
    hours : float
        How long an answer is waited for.

    Returns
    -------
    str
        Markdown: the paragraph, who stands against whom, every rule with its figure and its limit, and
        where to read on.
    """
    return "\n\n".join(
        [
            escape_markup(document["paragraph"]),
            _tabulate_contenders(document, version),
            tabulate_rules([_read_rule(rule) for rule in document["rules"]]),
            f"The night of {night}, with its report under the step report: {link}",
            f"No answer within {hours:g} hours means no: whoever is champion stays.",
        ]
    )


def _tabulate_contenders(document: Mapping[str, Any], version: str) -> str:
    challenger, champion = document["challenger"], document["champion"]
    baseline = document["baseline"]
    rows = [(f"challenger: {challenger['name']}, version {version}", challenger["score"])]
    if champion:
        rows.append((f"champion: version {champion['version']}", champion["score"]))
    if baseline:
        rows.append((f"best baseline: {baseline['name']}", baseline["score"]))
    better = "less" if document["is_error"] else "more"
    lines = [f"| | {escape_markup(document['metric'])}, {better} is better |", "|---|---|"]
    lines += [f"| {escape_markup(who)} | {say_score(score)} |" for who, score in rows]
    return "\n".join(lines)


def _read_rule(found: Mapping[str, Any]) -> Rule:
    figure, limit = (math.nan if found[k] is None else found[k] for k in ("figure", "limit"))
    return Rule(**{**found, "figure": figure, "limit": limit})
