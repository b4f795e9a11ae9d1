"""Cards are found by what nvidia-smi lists and CUDA_VISIBLE_DEVICES leaves, without CUDA."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from tasks.training.cards.gpu import (
    Gpu,
    choose_lease_size,
    choose_visible,
    describe_environment,
    find_gpus,
    parse_listing,
)

LISTING = """\
GPU 0: NVIDIA H200 (UUID: GPU-1111aaaa-0000-1111-2222-333344445555)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-2222bbbb-0000-1111-2222-333344445555)
"""
DIVIDED = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-2222bbbb-0000-1111-2222-333344445555)
GPU 1: NVIDIA H200 (UUID: GPU-1111aaaa-0000-1111-2222-333344445555)
  MIG 1g.18gb     Device  0: (UUID: MIG-7777)
  MIG 3g.71gb     Device  1: (UUID: MIG-8888)
"""
PART = Gpu(1, "NVIDIA H200 MIG 1g.18gb", "MIG-7777")
OTHER_PART = Gpu(1, "NVIDIA H200 MIG 3g.71gb", "MIG-8888")
FIRST = Gpu(0, "NVIDIA H200", "GPU-1111aaaa-0000-1111-2222-333344445555")
SECOND = Gpu(1, "NVIDIA A100-SXM4-40GB", "GPU-2222bbbb-0000-1111-2222-333344445555")


def test_the_listing_is_read() -> None:
    """Cards in the driver's order."""
    assert parse_listing(LISTING) == (FIRST, SECOND)
    assert parse_listing("No devices were found\n") == ()


def test_a_divided_card_is_its_parts() -> None:
    """CUDA cannot use it as a whole, and its parts may be used by different tasks."""
    whole, *parts = parse_listing(DIVIDED)
    assert whole == Gpu(0, "NVIDIA A100-SXM4-40GB", "GPU-2222bbbb-0000-1111-2222-333344445555")
    assert parts == [PART, OTHER_PART]
    assert [gpu.is_part for gpu in (whole, *parts)] == [False, True, True]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, (FIRST, SECOND)),
        ("0", (FIRST,)),
        ("1,0", (SECOND, FIRST)),
        ("0,7,1", (FIRST,)),
        ("0,-1,1", (FIRST,)),
        ("GPU-2222", (SECOND,)),
        ("0,0", (FIRST,)),
        ("GPU-9999", ()),
        ("MIG-7777", ()),
        ("none", ()),
    ],
)
def test_visible_devices_choose_as_in_cuda(visible: str | None, expected: tuple[Gpu, ...]) -> None:
    """By index or by the beginning of a UUID; the first entry that names no card ends the list."""
    assert choose_visible((FIRST, SECOND), visible) == expected


@pytest.mark.parametrize(
    ("visible", "expected"),
    [("MIG-8888", (OTHER_PART,)), ("1", (PART,)), ("MIG-8888,MIG-7777", (OTHER_PART, PART))],
)
def test_visible_parts_are_chosen_by_their_uuid(visible: str, expected: tuple[Gpu, ...]) -> None:
    """The index of a divided card means its first part."""
    assert choose_visible(parse_listing(DIVIDED), visible) == expected


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


@pytest.mark.parametrize(
    ("devices", "gpus", "backend", "expected"),
    [
        (1, (FIRST, SECOND), "jax", 1),
        (2, (FIRST, SECOND), "jax", 2),
        (5, (FIRST, SECOND), "jax", 2),
        ("all", (FIRST, SECOND), "jax", 2),
        ("all", (FIRST, SECOND), "tensorflow", 1),
        ("all", (FIRST, SECOND), None, 1),
        (2, (FIRST, SECOND), "torch", 1),
        (2, (PART, OTHER_PART), "jax", 1),
    ],
)
def test_no_more_cards_are_leased_than_can_be_used(
    devices: int | Literal["all"], gpus: tuple[Gpu, ...], backend: str | None, expected: int
) -> None:
    """Keras spreads over cards on JAX alone, and CUDA gives a process one part of a divided card."""
    environment = {"KERAS_BACKEND": backend} if backend else {}
    assert choose_lease_size(devices, gpus, environment) == expected


def test_it_is_said_why_one_card_is_used(caplog: pytest.LogCaptureFixture) -> None:
    """A setting that does nothing is not passed over in silence; one card needs no words."""
    choose_lease_size(1, (FIRST, SECOND), {})
    assert not caplog.messages
    choose_lease_size("all", (FIRST, SECOND), {})
    assert len(caplog.messages) == 1
    assert re.search("All cards .* this one runs on tensorflow.*KERAS_BACKEND=jax", caplog.text)


def test_an_interpreter_sees_its_cards_and_takes_memory_as_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the memory's variables what the user has set stays."""
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    assert describe_environment((SECOND, FIRST)) == {
        "CUDA_VISIBLE_DEVICES": f"{SECOND.uuid},{FIRST.uuid}",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "true",
    }
