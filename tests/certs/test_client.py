"""What files of client certificates are taken, and what is read of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import certs
from certs.client import MOST
from tests.pairs import DAY, NOW, Pair, issued, self_signed


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return self_signed(tmp_path, "client")


def joined(folder: Path, *pairs: Pair) -> Path:
    path = folder / "joined.pem"
    path.write_bytes(b"".join(each.certificate.read_bytes() for each in pairs))
    return path


def der(pair: Pair) -> bytes:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).public_bytes(Encoding.DER)


def test_all_certificates_of_all_files_are_read(tmp_path: Path, pair: Pair) -> None:
    """In their order, each once, whatever text stands between them."""
    following, third = issued(tmp_path, "next"), issued(tmp_path, "third")
    path = joined(tmp_path, pair, following, pair)
    path.write_text("Bag Attributes\n" + path.read_text())
    assert certs.fingerprints([path, third.certificate]) == [
        pair.fingerprint, following.fingerprint, third.fingerprint
    ]  # fmt: skip
    assert certs.fingerprints([]) == []


def with_key(folder: Path, pair: Pair) -> str:
    pair.certificate.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    return "there is a private key in it"


def key_alone(folder: Path, pair: Pair) -> str:
    pair.certificate.write_bytes(pair.key.read_bytes())
    return "there is a private key in it"


def text(folder: Path, pair: Pair) -> str:
    pair.certificate.write_text("rubbish")
    return "not a certificate in PEM form"


def binary(folder: Path, pair: Pair) -> str:
    pair.certificate.write_bytes(der(pair))
    return "not a certificate in PEM form"


def no_certificate_inside(folder: Path, pair: Pair) -> str:
    pair.certificate.write_text("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n")
    return "not a certificate in PEM form"


def cut(folder: Path, pair: Pair) -> str:
    both = joined(folder, pair, issued(folder, "next"))
    pair.certificate.write_bytes(both.read_bytes()[:-100])
    return "not all of one"


def over(folder: Path, pair: Pair) -> str:
    gone = issued(folder, "gone", days=-1)
    joined(folder, pair, gone).replace(pair.certificate)
    return f"the certificate {gone.fingerprint} ended on {NOW - DAY:%Y-%m-%d}"


def too_many(folder: Path, pair: Pair) -> str:
    joined(folder, pair, *(issued(folder, str(number)) for number in range(MOST))).replace(pair.certificate)
    return "These are 11 certificates, and a login has 10 at most"


@pytest.mark.parametrize(
    "spoil", [with_key, key_alone, text, binary, no_certificate_inside, cut, over, too_many],
    ids=lambda spoil: spoil.__name__
)  # fmt: skip
def test_what_can_not_be_used_is_refused(tmp_path: Path, pair: Pair, spoil: Callable[[Path, Pair], str]) -> None:
    """With the reason."""
    reason = spoil(tmp_path, pair)
    with pytest.raises(certs.CertificateError, match=reason):
        certs.fingerprints([pair.certificate])


def test_as_many_as_a_login_may_have(tmp_path: Path) -> None:
    """Ten, and one of them twice."""
    pairs = [issued(tmp_path, str(number)) for number in range(MOST)]
    assert len(certs.fingerprints([joined(tmp_path, *pairs), pairs[0].certificate])) == MOST


def test_the_end_is_told_of_what_has_ended(tmp_path: Path, pair: Pair) -> None:
    """None of what is good."""
    assert certs.ended(der(pair)) is None
    assert certs.ended(der(issued(tmp_path, "gone", days=-1)))
