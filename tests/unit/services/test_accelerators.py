"""How many cards training may use."""

import os

import pytest

from tasks.services.accelerators import count_cards

TWO_CARDS = """#!/bin/sh
echo "GPU 0: NVIDIA H200 (UUID: GPU-1)"
echo "GPU 1: NVIDIA H200 (UUID: GPU-2)"
"""


def environment_with(tmp_path, script, **more):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(script)
    tool.chmod(0o755)
    return {"PATH": f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin", **more}


def test_machine_without_the_tool_has_no_card(tmp_path):
    """No driver, no card."""
    assert count_cards({"PATH": str(tmp_path)}) == 0


def test_driver_without_a_card_has_no_card(tmp_path):
    """The tool fails when the driver finds nothing."""
    assert count_cards(environment_with(tmp_path, "#!/bin/sh\nexit 9\n")) == 0


@pytest.mark.parametrize(
    ("visible", "expected"), [("0", 1), ("0,1", 2), ("0,1,2", 2), ("", 0), ("-1", 0), ("0,-1,1", 1)]
)
def test_visible_devices_narrow_the_count(tmp_path, visible, expected):
    """CUDA_VISIBLE_DEVICES ends at its first entry that names no device."""
    environment = environment_with(tmp_path, TWO_CARDS, CUDA_VISIBLE_DEVICES=visible)
    assert count_cards(environment) == expected


def test_all_cards_count_without_a_restriction(tmp_path):
    """Each line of the tool is a card."""
    assert count_cards(environment_with(tmp_path, TWO_CARDS)) == 2
