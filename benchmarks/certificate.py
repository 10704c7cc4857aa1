"""A certificate for this machine's own address, made for each server and trusted by its clients."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
REQUEST = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
KIND = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the paths of a certificate that vouches for itself, and of its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *(*REQUEST, *KIND, "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}"),
            *("-out", str(certificate), "-keyout", str(key)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def trusting(certificate: Path) -> dict[str, str]:
    """Return the variables by which Python's programs trust a certificate: `ssl`'s own, and that of requests."""
    return {"SSL_CERT_FILE": str(certificate), "REQUESTS_CA_BUNDLE": str(certificate)}
