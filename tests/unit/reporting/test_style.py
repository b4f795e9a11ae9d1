import matplotlib as mpl
import pytest

from tasks.reporting.style import (
    DARK,
    INK,
    MUTED,
    PALETTE,
    chart_style,
    get_headline,
    new_axes,
    new_figure,
    say_percent,
    say_score,
    set_headline,
)

DARK_CARD = "#171b23"  # the report's dark ground, templates/report.css


def measure_contrast(first: str, second: str) -> float:
    """WCAG 2.2's contrast ratio, 1 to 21."""

    def luminance(colour: str) -> float:
        shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_style_ends_with_its_block() -> None:
    """Nothing global changes: other code's figures look as they did."""
    before = dict(mpl.rcParams)
    with chart_style():
        assert mpl.rcParams["text.color"] == INK
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("colour", PALETTE)
def test_every_hue_is_seen_on_light_and_dark(colour: str) -> None:
    """Marks contrast 3 : 1 with both grounds (WCAG 1.4.11)."""
    assert measure_contrast(colour, "#ffffff") >= 3
    assert measure_contrast(colour, DARK_CARD) >= 3


@pytest.mark.parametrize(
    ("text", "ground"),
    [(INK, "#ffffff"), (MUTED, "#ffffff"), (DARK[INK], DARK_CARD), (DARK[MUTED], DARK_CARD)],
)
def test_text_is_read_on_light_and_dark(text: str, ground: str) -> None:
    """Text contrasts 4.5 : 1 with its ground (WCAG 1.4.3)."""
    assert measure_contrast(text, ground) >= 4.5


def test_a_long_headline_is_broken_and_read_back_whole() -> None:
    """A message is wrapped to the figure's width; as a title it is one line."""
    ax = new_axes(None)
    text = "a message of many words " * 5
    set_headline(ax, text.strip())
    figure = ax.get_figure(root=True)
    assert figure is not None
    assert "\n" in figure.get_suptitle()
    assert get_headline(figure) == text.strip()


def test_the_headline_stands_over_its_own_axes_among_others() -> None:
    """In a caller's figure of several axes the message must not stand over all of them."""
    figure = new_figure()
    first, second = figure.subplots(1, 2)
    set_headline(second, "right")
    assert second.get_title(loc="left") == "right"
    assert (first.get_title(loc="left"), figure.get_suptitle()) == ("", "")


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.5, "50.0 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9999, "99.99 %"),
        (0.0004, "0.04 %"),
        (0.999999, "> 99.99 %"),
        (0.000001, "< 0.01 %"),
    ],
)
def test_a_percentage_never_hides_the_last_mistake(fraction: float, text: str) -> None:
    """100 % means all; 9,999 of 10,000 is not 100.0 %."""
    assert say_percent(fraction) == text.replace(" %", "\N{NO-BREAK SPACE}%")


def test_a_score_that_is_no_number_says_so() -> None:
    """A diverged network has no score."""
    assert say_score("accuracy", float("nan")) == "unknown"
    assert say_score("log_loss", float("nan")) == "unknown"
