"""What a model has learned, as a digest: two trainings that came to the same end are the same model.

Called by ``tasks.promotion``; the digest of the model's folder is another one each time it is packaged,
because MLflow and Keras write the time and ids into it.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from tasks.models.packaging import find_network
from tasks.models.predictor import PREPARATION_FILE

_WEIGHTS = "model.weights.h5"  # in a Keras file


def digest_learned(model: Path) -> str | None:
    """Digest the weights of a network, and what cleaning learned.

    Parameters
    ----------
    model : Path
        An MLflow model folder.

    Returns
    -------
    str or None
        A SHA-256; None where the folder has no whole network.
    """
    network = find_network(model)
    try:
        with zipfile.ZipFile(network) as file:
            weights = file.read(_WEIGHTS)
        prepared = (network.parent / PREPARATION_FILE).read_bytes()
    except (OSError, KeyError, zipfile.BadZipFile):
        return None
    return hashlib.sha256(hashlib.sha256(prepared).digest() + weights).hexdigest()
