from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tasks.mining.rules.changes import MAX_TOLD, Figures, compare_rules, read_figures


def test_rules_are_new_gone_or_changed() -> None:
    """By their sides; what stayed as it was is not told, the greatest change of confidence is first."""
    before = {
        ("a", "b"): Figures(0.5, 2),
        ("b", "a"): Figures(0.5, 2),
        ("c", "d"): Figures(0.9, 1),
        ("e", "f"): Figures(0.4, 1),
    }
    now = {
        ("x", "y"): Figures(0.7, 3),
        ("a", "b"): Figures(0.6, 2.5),
        ("b", "a"): Figures(0.5, 2),
        ("e", "f"): Figures(0.1, 1),
    }
    changes = compare_rules(before, now)
    assert (changes.n_new, changes.n_gone, changes.n_stayed) == (1, 1, 3)
    assert changes.new == ((("x", "y"), Figures(0.7, 3)),)
    assert changes.gone == ((("c", "d"), Figures(0.9, 1)),)
    assert [moved[0] for moved in changes.moved] == [("e", "f"), ("a", "b")]
    assert changes.moved[1][1:] == (Figures(0.5, 2), Figures(0.6, 2.5))


def test_only_the_first_are_told() -> None:
    """All are counted."""
    changes = compare_rules({}, {(f"{i:02}", "y"): Figures(0.5, 1) for i in range(50)})
    assert changes.n_new == 50
    assert [sides[0] for sides, _ in changes.new] == [f"{i:02}" for i in range(MAX_TOLD)]


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"left,right\r\na,b\r\n",
        b"left,right,confidence,lift\r\na,b,high,1\r\n",
        b"left,right,confidence,lift\r\na,b,nan,1\r\n",
        b"left,right,confidence,lift\r\na\r\n",
        b"\xff\xfe\x00\x01",
    ],
)
def test_what_another_version_wrote_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    """It is warned of, and tonight is told without a comparison; a list without rules is a list."""
    path = tmp_path / "rules.csv"
    if content is not None:
        path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        figures = read_figures(path)
    assert figures == ({} if content == b"" else None)
    assert ("cannot be read" in caplog.text) == (content != b"")
