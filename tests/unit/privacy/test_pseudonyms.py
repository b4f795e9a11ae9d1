"""Pseudonyms: HMAC-SHA256, the same for the same person."""

from __future__ import annotations

import hashlib
import hmac

import pyarrow as pa

from tasks.preparation.masking import read_text
from tasks.privacy.pseudonyms import pseudonymise


def test_published_vectors() -> None:
    """RFC 4231, test cases 1 and 2, cut to 128 bits."""
    assert pseudonymise(pa.array(["Hi There"]), b"\x0b" * 20).to_pylist() == [
        "b0344c61d8db38535ca8afceaf0bf12b"
    ]
    assert pseudonymise(pa.array(["what do ya want for nothing?"]), b"Jefe").to_pylist() == [
        "5bdcc146bf60754e6a042426089575c7"
    ]


def test_pseudonym_is_pythons_hmac_of_the_text() -> None:
    """Whoever has the key can compute it elsewhere; missing stays missing, equal stays equal."""
    key = bytes(range(32))
    made = pseudonymise(pa.array(["Zo\u00eb", None, "7", "Zo\u00eb"]), key).to_pylist()
    expected = [
        hmac.new(key, t.encode(), hashlib.sha256).hexdigest()[:32] for t in ("Zo\u00eb", "7")
    ]
    assert made == [expected[0], None, expected[1], expected[0]]


def test_same_person_in_other_types_and_spellings() -> None:
    """7, 7.0 and " 7 "; an umlaut of one sign and of two."""
    key = bytes(range(32))

    def made(column: pa.Array) -> str:
        return str(pseudonymise(read_text(column, "x"), key)[0])

    assert made(pa.array([7])) == made(pa.array([7.0])) == made(pa.array([" 7 "]))
    assert made(pa.array(["Zo\u00eb"])) == made(pa.array(["Zoe\u0308"]))
    assert made(pa.array([2**53])) != made(pa.array([2**53 + 1]))


def test_another_key_gives_another_pseudonym() -> None:
    """Without the key nobody can try names."""
    names = pa.array(["Ada"])
    assert pseudonymise(names, b"a" * 32) != pseudonymise(names, b"b" * 32)


def test_nothing_gives_nothing() -> None:
    """No rows, and rows of nothing."""
    assert pseudonymise(pa.array([], pa.string()), b"a" * 32).to_pylist() == []
    assert pseudonymise(pa.nulls(2, pa.string()), b"a" * 32).to_pylist() == [None, None]
