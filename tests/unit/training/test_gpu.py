"""Cards are found by what nvidia-smi lists and CUDA_VISIBLE_DEVICES leaves, without CUDA."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.training.gpu import Gpu, choose_visible, find_gpus, parse_listing

LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-1111aaaa-0000-1111-2222-333344445555)
  MIG 1g.18gb     Device  0: (UUID: MIG-7777)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-2222bbbb-0000-1111-2222-333344445555)
"""
FIRST = Gpu(0, "NVIDIA H200", "GPU-1111aaaa-0000-1111-2222-333344445555")
SECOND = Gpu(1, "NVIDIA A100-SXM4-40GB", "GPU-2222bbbb-0000-1111-2222-333344445555")


def test_the_listing_is_read() -> None:
    """Parts of a card are no cards of their own."""
    assert parse_listing(LISTING) == (FIRST, SECOND)
    assert parse_listing("No devices were found\n") == ()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, (FIRST, SECOND)),
        ("0", (FIRST,)),
        ("1,0", (SECOND, FIRST)),
        ("0,7,1", (FIRST,)),
        ("0,-1,1", (FIRST,)),
        ("GPU-2222", (SECOND,)),
        ("MIG-7777", (FIRST,)),
        ("GPU-9999", ()),
        ("none", ()),
    ],
)
def test_visible_devices_choose_as_in_cuda(visible: str | None, expected: tuple[Gpu, ...]) -> None:
    """By index or by the beginning of a UUID; the first entry that names no card ends the list."""
    assert choose_visible((FIRST, SECOND), visible) == expected


def put_nvidia_smi(folder: Path, body: str) -> str:
    script = folder / "nvidia-smi"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


@pytest.mark.parametrize(
    ("visible", "body", "expected"),
    [
        ({}, f"cat <<'END'\n{LISTING}END", (FIRST, SECOND)),
        ({"CUDA_VISIBLE_DEVICES": "1"}, f"cat <<'END'\n{LISTING}END", (SECOND,)),
        ({"CUDA_VISIBLE_DEVICES": ""}, f"cat <<'END'\n{LISTING}END", ()),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, f"cat <<'END'\n{LISTING}END", ()),
        ({}, "echo 'NVIDIA-SMI has failed'; exit 9", ()),
    ],
)
def test_cards_are_found(
    tmp_path: Path, visible: dict[str, str], body: str, expected: tuple[Gpu, ...]
) -> None:
    """A driver that fails means no card, and no error."""
    environment = {"PATH": put_nvidia_smi(tmp_path, body), **visible}
    assert find_gpus(environment) == expected


def test_without_a_driver_there_is_no_card(tmp_path: Path) -> None:
    """Most machines."""
    assert find_gpus({"PATH": str(tmp_path)}) == ()
