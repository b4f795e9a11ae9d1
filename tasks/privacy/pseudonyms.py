"""Pseudonyms: the keyed HMAC-SHA256 of a value, the same from night to night and machine to machine.

Pure; the key comes from ``tasks.privacy.keys``.
"""

from __future__ import annotations

import hmac

import pyarrow as pa

PSEUDONYM_DIGITS = 32  # 128 of the 256 bits: among 10^12 people two share one by a chance of 10^-15


def pseudonymise(text: pa.StringArray, key: bytes) -> pa.StringArray:
    """Replace values by their pseudonyms.

    Parameters
    ----------
    text : pyarrow.StringArray of length n_rows
        As :func:`tasks.preparation.masking.read_text` gives it: NFC, trimmed, the number 7 as "7".
    key : bytes

    Returns
    -------
    pyarrow.StringArray of length n_rows
        32 hexadecimal digits; missing stays missing.

    Notes
    -----
    The first 128 bits of HMAC-SHA256(key, value as UTF-8) [1]_. Neither column nor workflow goes
    into it: the same customer number has one pseudonym in all tables, so that they can be joined.

    References
    ----------
    .. [1] RFC 2104, https://doi.org/10.17487/RFC2104
    """
    # People come back: each distinct value is hashed once.
    encoded = text.dictionary_encode()
    made = [
        hmac.digest(key, value.encode(), "sha256").hex()[:PSEUDONYM_DIGITS]
        for value in encoded.dictionary.to_pylist()
    ]
    return pa.array(made, pa.string()).take(encoded.indices)
