"""What the parts of a network have in common: the settings they read, and the precision they keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Spec = Mapping[str, Any]

# Of the layers at both ends, whatever the candidate's own: bfloat16 has eight significant bits, which
# a year or a pressure does not survive, and a probability near 1 neither.
FULL_PRECISION = "float32"
