"""Certificates for the tests of what is made of them."""

from __future__ import annotations

import shutil

import pytest

from hilum_core.testing import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    return Authority.found(tmp_path_factory.mktemp("ca"))
