"""A hospital's network of a few hosts, each in a network namespace, with lines that can be cut and bent.

Every host has a line of its own to the router's. Nothing outside these namespaces is touched, and all of
them are gone at the end of the test, with all that runs in them.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from pydicom.errors import InvalidDicomError

from hilum_core.testing import SentFile

PORT = 11112
_NUMBERS = itertools.count(1)


@attrs.frozen
class Namespace:
    """A network namespace of the test's own."""

    name: str
    _started: list[subprocess.Popen[bytes]] = attrs.field(factory=list)

    @property
    def enter(self) -> tuple[str, ...]:
        """The words before a command that is to run in it."""
        return ("ip", "netns", "exec", self.name)

    def run(self, *command: str) -> str:
        return _run(*self.enter, *command)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program in it; it ends with the namespace."""
        process = subprocess.Popen(
            [*self.enter, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TCP_NODELAY": "1"},
        )
        self._started.append(process)
        return process

    def remove(self) -> None:
        for pid in _run("ip", "netns", "pids", self.name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        for process in self._started:
            process.wait()
        _run("ip", "netns", "del", self.name)


@attrs.define
class Host:
    """A host with a line to the router's, which is called by the same name in both namespaces."""

    namespace: Namespace
    router: Namespace
    line: str
    address: str
    router_address: str
    _rule: tuple[str, ...] = ()

    def cut(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        self._each_end("-j", "DROP")

    def lose(self, share: float) -> None:
        """So much of what is sent does not arrive, whichever way it goes."""
        self._each_end("-m", "statistic", "--mode", "random", "--probability", str(share), "-j", "DROP")

    def reset(self) -> None:
        """Whoever sends on a connection is told that there is none."""
        self._each_end("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")

    def heal(self) -> None:
        for end in self._ends():
            end.run("iptables", "-w", "-D", "INPUT", "-i", self.line, *self._rule)
        self._rule = ()

    def thin(self, rate: str) -> None:
        """No more than this goes over the line, in either direction."""
        for end in self._ends():
            end.run("tc", "qdisc", "add", "dev", self.line, "root", "tbf", "rate", rate,
                    "burst", "16kb", "latency", "200ms")  # fmt: skip

    def widen(self) -> None:
        for end in self._ends():
            end.run("tc", "qdisc", "del", "dev", self.line, "root")

    def hits(self) -> int:
        """How many packets the cut, the loss or the reset has met so far, at both ends."""
        listed = [end.run("iptables", "-w", "-nvxL", "INPUT").splitlines()[2:] for end in self._ends()]
        return sum(int(rule.split()[0]) for rules in listed for rule in rules if self.line in rule.split())

    def _each_end(self, *rule: str) -> None:
        self._rule = rule
        for end in self._ends():
            end.run("iptables", "-w", "-A", "INPUT", "-i", self.line, *rule)

    def _ends(self) -> tuple[Namespace, Namespace]:
        return self.namespace, self.router


@attrs.define
class Network:
    """The router's namespace, and those of the hosts around it."""

    router: Namespace
    hosts: list[Host] = attrs.field(factory=list)

    def add_host(self) -> Host:
        number = len(self.hosts) + 1
        line, subnet = f"line{number}", f"10.77.{number}"
        namespace = _add_namespace(f"{self.router.name}-{number}")
        host = Host(namespace, self.router, line, f"{subnet}.2", f"{subnet}.1")
        self.hosts.append(host)
        _run("ip", "link", "add", line, "netns", self.router.name, "type", "veth",
             "peer", "name", line, "netns", namespace.name)  # fmt: skip
        for end, address in ((self.router, host.router_address), (namespace, host.address)):
            end.run("ip", "address", "add", f"{address}/24", "dev", line)
            end.run("ip", "link", "set", line, "up")
        return host

    def remove(self) -> None:
        for namespace in (*(host.namespace for host in self.hosts), self.router):
            namespace.remove()


@attrs.frozen
class RemoteStoreScp:
    """DCMTK's storescp on a host; a process and a file for each association and object (--fork, +uf)."""

    host: Host
    folder: Path

    def got(self) -> set[tuple[str, bytes]]:
        """What it has, bit by bit; also, for a moment, what it has half of."""
        found = set()
        for path in self.folder.iterdir():
            # A file that is not whole, or that is removed while it is looked at.
            with contextlib.suppress(InvalidDicomError, AttributeError, OSError, EOFError):
                file = SentFile.read(path)
                found.add((file.sop_instance_uid, file.data_set))
        return found

    def sink_toml(self, name: str) -> str:
        """A peer and a sink that sends to it and waits for nothing for long."""
        return f"""
            [peers.{name}]
            ae_title = "STORESCP"
            host = "{self.host.address}"
            port = {PORT}
            [sinks.{name}]
            type = "dicom"
            peer = "{name}"
            connect_timeout = "2s"
            association_timeout = "2s"
            send_timeout = "2s"
            response_timeout = "2s"
            delivery = {{ first_retry = "200ms", longest_retry = "1s" }}
            """


@pytest.fixture
def network() -> Iterator[Network]:
    """The router's namespace; `add_host` makes the others."""
    if os.geteuid() != 0:
        pytest.skip("needs root, for network namespaces")
    for program in ("ip", "tc", "iptables"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    try:
        router = _add_namespace(f"hilum-{os.getpid()}-{next(_NUMBERS)}")
    except OSError as error:
        pytest.skip(f"network namespaces cannot be made here: {error}")
    made = Network(router)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def remote_storescp(network, program, tmp_path, wait_until) -> Callable[[], RemoteStoreScp]:
    def start() -> RemoteStoreScp:
        host = network.add_host()
        folder = tmp_path / host.line
        folder.mkdir()
        # -td: a process whose peer has vanished within an object must end, too.
        host.namespace.start(program("storescp"), "-q", "--fork", "+B", "+uf", "-td", "3", "-ta", "3",
                             "-od", str(folder), str(PORT))  # fmt: skip
        echo = [*network.router.enter, program("echoscu"), "-q", host.address, str(PORT)]
        wait_until(lambda: subprocess.run(echo, capture_output=True, check=False).returncode == 0)
        return RemoteStoreScp(host, folder)

    return start


def _add_namespace(name: str) -> Namespace:
    """Make a namespace; OSError where that is not allowed, or where no packet can be dropped in it."""
    namespace = Namespace(name)
    _run("ip", "netns", "add", name)
    try:
        namespace.run("ip", "link", "set", "lo", "up")
        namespace.run("iptables", "-w", "-L")
    except OSError:
        _run("ip", "netns", "del", name)
        raise
    return namespace


def _run(*command: str) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
