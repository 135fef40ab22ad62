"""Two routers on one state directory: the second is refused in one line, by whatever path it comes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import pytest

from hilum_core.testing import running_router


def second(router, path, state_dir, *before):
    """Start a router with a config of its own that names a state directory; its status and what it says."""
    path.write_text(f'[router]\nlisten = "127.0.0.1:0"\nstate_dir = "{state_dir}"\n')
    command = [*before, sys.executable, "-m", "hilum_core.cli", "run", "--config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


def refusal(router, state_dir):
    pid = router.process.pid
    return (
        f"hilum: router.state_dir: {state_dir} is in use by another router (started as process {pid}); "
        f"stop that one and wait for its last child, or use another folder\n"
    )


def test_a_second_router_is_refused_by_whatever_path_it_comes(tmp_path):
    with running_router(tmp_path, "") as router:
        config = tmp_path / "second.toml"
        assert second(router, config, router.state_dir) == (1, refusal(router, router.state_dir))
        link = tmp_path / "link"
        link.symlink_to(router.state_dir)
        assert second(router, config, link) == (1, refusal(router, link))
        assert router.stop() == 0


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare")
def test_a_second_router_is_refused_behind_a_bind_mount(tmp_path):
    with running_router(tmp_path, "") as router:
        bound = tmp_path / "bound"
        bound.mkdir()
        script = f'mount --bind "{router.state_dir}" "{bound}" && exec "$@"'
        mounted = ("unshare", "--mount", "sh", "-c", script, "sh")
        assert second(router, tmp_path / "second.toml", bound, *mounted) == (1, refusal(router, bound))


def test_a_second_router_is_refused_while_a_child_of_a_killed_one_lives(tmp_path):
    with running_router(tmp_path, "") as router:
        router.wait_until(lambda: "retain" in router.processes())
        (child,) = router.processes()["retain"]
        os.kill(child, signal.SIGSTOP)
        try:
            router.process.kill()
            router.process.wait()
            router.wait_until(lambda: set(router.processes()) <= {"retain"})
            config = tmp_path / "second.toml"
            assert second(router, config, router.state_dir) == (1, refusal(router, router.state_dir))
        finally:
            os.kill(child, signal.SIGCONT)
        router.wait_until(lambda: not router.processes())
        router.start()
        assert router.stop() == 0
