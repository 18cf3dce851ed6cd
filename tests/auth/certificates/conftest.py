"""An authority in a folder of its own for each test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from apps.auth.certificates import services, store


@pytest.fixture
def data(settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def authority(db: None, data: Path) -> x509.Certificate:
    return services.init()


@pytest.fixture
def openssl(tmp_path: Path) -> Callable[..., str]:
    """Runs the program and returns all that it says; what it thinks of a certificate is in the text, not the code."""

    def run(*words: str | Path) -> str:
        done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.stdout + done.stderr

    return run


def verify(openssl: Callable[..., str], certificate: Path, *words: str) -> str:
    """`openssl verify` against the authority and its revocation list."""
    trust = ("-CAfile", store.root_file(), "-CRLfile", store.crl_file(), "-crl_check", "-x509_strict")
    return openssl("verify", *trust, *words, certificate)
