"""The privacy of personal columns: masks, pseudonyms, coarser values, k-anonymity, encryption.

Ground package: ingestion protects rows with it before anything is written, and ``nocturne decrypt``
reads encrypted values back.
"""

from tasks.privacy.protector import Protector

__all__ = ["Protector"]
