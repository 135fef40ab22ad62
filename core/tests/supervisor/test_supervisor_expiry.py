"""Certificates that expire are told of once a day."""

from __future__ import annotations

import shutil

import pytest

from hilum_core.config import load
from hilum_core.supervisor.expiry import ExpiryWatch
from hilum_core.testing import Authority

DAY_S = 24 * 3600


class Heard:
    """A log that remembers."""

    def __init__(self):
        self.lines = []

    def error(self, event, **fields):
        self.lines.append((event, fields["where"]))

    warning = error


def test_what_expires_is_told_when_the_router_starts_and_then_once_a_day(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    authority = Authority.found(tmp_path)
    soon = authority.issue("soon", days=10).table(authority.certificate)
    late = authority.issue("late", days=-1)
    text = (
        f'[router]\nstate_dir = "/tmp/x"\n[router.tls]\n{soon}[peers.a]\nae_title = "A"\n'
        f'tls = {{ certificate = "{late.certificate}", key = "{late.key}" }}\n'
    )
    config, _ = load(text, source="test")
    heard, now = Heard(), [0.0]
    watch = ExpiryWatch(heard, clock=lambda: now[0])
    daily = [
        ("a certificate expires soon", "router.tls.certificate"),
        ("a certificate is not valid", "peers.a.tls.certificate"),
    ]
    for at, days in ((0, 1), (DAY_S - 1, 1), (DAY_S, 2), (DAY_S + 5, 2), (2 * DAY_S, 3)):
        now[0] = at
        watch.look_if_due(config)
        assert heard.lines == daily * days
