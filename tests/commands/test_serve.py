"""`ftpdock serve`, as `make run` starts it, and the lines that it prints to paste."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.processes import wait_until

ROOT = Path(__file__).parents[2]
Serve = Callable[..., AbstractContextManager["Server"]]
Process = Callable[..., "subprocess.CompletedProcess[str]"]


class Server:
    """A running `ftpdock serve` and what it has printed so far."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, last: str) -> None:
        self.process, self.folder, self.printed = process, folder, ""
        while last not in self.printed:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "errors.txt").read_text()
            self.printed += line

    def paste(self, beginning: str, containing: str) -> str:
        """Run the one printed line that fits, as somebody would in another terminal; return its output."""
        lines = [line for line in self.printed.splitlines() if line.startswith(beginning) and containing in line]
        assert len(lines) == 1, self.printed
        done = subprocess.run(["bash", "-c", lines[0]], cwd=self.folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def password(self) -> str:
        return re.findall(r"the password (\S+)", self.printed)[0]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """serve("--demo") -> a running server, ready, whose home is ./home in a folder of its own."""

    @contextmanager
    def start(*arguments: str, last: str = "ftpdock is ready") -> Iterator[Server]:
        command = ["-m", "commands", "--home", "home", "serve", "--host", "127.0.0.1", "--port", "0", *arguments]
        environ = {key: value for key, value in os.environ.items() if not key.startswith("FTPDOCK_")}
        with (
            (tmp_path / "errors.txt").open("a") as errors,
            subprocess.Popen(
                [sys.executable, *command], cwd=tmp_path, env={**environ, "PYTHONPATH": f"{ROOT}:{tmp_path}"},
                text=True, stdout=subprocess.PIPE, stderr=errors,
            ) as process,
        ):  # fmt: skip
            try:
                yield Server(process, tmp_path, last)
            finally:
                if process.poll() is None:
                    process.terminate()

    return start


@pytest.fixture
def demo(serve: Serve) -> Callable[[], AbstractContextManager[Server]]:
    return lambda: serve("--demo", last="Stop the server")


def test_a_plugin_that_would_be_ignored_keeps_the_server_from_starting(serve: Serve, tmp_path: Path) -> None:
    """In one sentence: partners' files would pass the plugin's rules unseen."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ftpdock.toml").write_text('plugins = ["sunday_rules"]')
    (tmp_path / "sunday_rules.py").write_text(
        "from hookspecs import hookimpl\n\n@hookimpl(wrapper=True)\ndef on_file_received(event):\n    yield\n"
    )

    with pytest.raises(AssertionError, match=r"Error: .*plugin sunday_rules is a wrapper"), serve():
        pass


def eventually(look: Callable[[], str], expected: str) -> None:
    """The import takes a moment after the upload."""
    end = time.monotonic() + 20
    while expected not in look():
        assert time.monotonic() < end, look()
        time.sleep(0.2)


@pytest.mark.parametrize("client", ["curl", "lftp"])
def test_the_demos_lines_upload_the_example_and_show_its_report(
    demo: Callable[[], AbstractContextManager[Server]], client: str
) -> None:
    """What is printed works when it is pasted, with the certificate checked, and every example row is imported."""
    with demo() as server:
        server.paste(client, {"curl": " -T ", "lftp": " put "}[client])
        eventually(lambda: server.paste(client, "/reports/"), ".000001.ids.csv")

        report = next((server.folder / "home" / "accounts" / "demo" / "Products" / "reports").glob("*.report.csv"))
        assert len(report.read_text(encoding="utf-8-sig").splitlines()) == 1
        assert server.stop() == 0


def test_the_demo_has_another_password_each_time_and_keeps_none(
    demo: Callable[[], AbstractContextManager[Server]],
) -> None:
    """A second start in the same home goes on with the account; no file and no log holds a password."""
    passwords = []
    for _ in range(2):
        with demo() as server:
            passwords.append(server.password)
            server.paste("curl", " -T ")
            server.stop()

    assert passwords[0] != passwords[1]
    for path in (path for path in server.folder.rglob("*") if path.is_file()):
        assert not any(password.encode() in path.read_bytes() for password in passwords), path


def test_a_second_demo_beside_it_changes_nothing(demo: Callable[[], AbstractContextManager[Server]]) -> None:
    """On its port or another one it does not start: the lines that the first one has printed are as good as before."""
    with demo() as server:
        taken = re.findall(r"on 127\.0\.0\.1:(\d+)", server.printed)[0]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        for port in (taken, "0"):
            command = ["--home", "home", "serve", "--demo", "--host", "127.0.0.1", "--port", port]
            second = subprocess.run([sys.executable, "-m", "commands", *command], cwd=server.folder, env=environ,
                                    capture_output=True, text=True, timeout=20)  # fmt: skip

            assert (second.returncode, second.stdout) == (1, "")
            assert f"runs on 127.0.0.1:{taken}, and the password of the account demo" in second.stderr
        server.paste("curl", " -T ")


def test_a_demo_beside_a_card_that_can_not_be_read(process: Process, tmp_path: Path) -> None:
    """Whoever has it may be a server; its file is named."""
    card = tmp_path / "home" / "spool" / "servers" / "another.lock"
    card.mkdir(parents=True)
    failed = process("serve", "--demo", "--host", "127.0.0.1", "--port", "0")

    assert (failed.returncode, failed.stdout) == (1, "")
    assert f"runs on what {card} does not tell, and the password" in failed.stderr


def test_serve_without_a_home_makes_everything(serve: Serve) -> None:
    """The line that says it is ready names address, port and home; SIGTERM ends it with status 0."""
    with serve() as server:
        found = re.fullmatch(r"ftpdock is ready: explicit FTPS on 127\.0\.0\.1:(\d+), home (.*)\n", server.printed)
        assert found
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=10) as connection:
            assert connection.recv(100).startswith(b"220 ")
        assert found[2] == str(server.folder / "home")
        assert server.stop() == 0


def test_a_home_that_everybody_may_look_into_is_told_of(process: Process, tmp_path: Path) -> None:
    """Once at each start; what is made in it is for its owner alone."""
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    failed = process("serve", "--host", "192.0.2.1", "--port", "0")

    assert failed.stderr.count(f"chmod o-rwx {home}") == 1
    made = {path.name: path.stat().st_mode & 0o077 for path in home.iterdir()}
    assert made.keys() >= {"accounts", "certs", "exports", "ftpdock.db", "logs", "spool"}
    assert set(made.values()) == {0}


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_secrets_that_others_may_read_are_told_of(tmp_path: Path, command: str) -> None:
    """Once at each start, by the server or by whoever minds workers alone; not by each worker that is started."""
    home = tmp_path / "home"
    home.mkdir(0o700)
    (home / "ftpdock.toml").write_text('smtp_password = "hush"\nhost = "127.0.0.1"\nport = 0\n')
    (home / "ftpdock.toml").chmod(0o644)
    log = tmp_path / "log"
    with log.open("w") as file, subprocess.Popen([sys.executable, "-m", "commands", command], cwd=ROOT, stderr=file,
                                                 env={**os.environ, "FTPDOCK_HOME": str(home)}) as program:  # fmt: skip
        wait_until(lambda: list((home / "spool" / "workers").glob("*.lock")))
        program.terminate()

    assert program.returncode == 0
    (line,) = [line for line in log.read_text().splitlines() if "ftpdock.toml" in line]
    assert line.endswith(
        f" WARNING ftpdock: {home}/ftpdock.toml holds secrets (smtp_password), and others than its owner may read it: "
        f"chmod 600 {home}/ftpdock.toml"
    )
    assert "hush" not in log.read_text()


def test_a_port_that_is_taken_is_named(process: Process) -> None:
    """One line and exit status 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        failed = process("serve", "--host", "127.0.0.1", "--port", str(port))

    assert failed.returncode == 1
    assert str(port) in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_host_that_is_none_is_named(process: Process) -> None:
    """One line, with the setting that says otherwise, and exit status 1."""
    failed = process("serve", "--host", "no-such-host.invalid", "--port", "0")

    assert (failed.returncode, failed.stdout, failed.stderr.count("\n")) == (1, "", 1)
    assert failed.stderr.startswith("Error: Can't listen on no-such-host.invalid: ")
    assert "in the setting `host` or by --host" in failed.stderr


def test_a_certificate_that_the_settings_name_is_put_there(process: Process, tmp_path: Path) -> None:
    """`cert make` and `cert install`, which refuse to replace it, are not what helps."""
    home = tmp_path / "home"
    home.mkdir(0o700)
    (home / "ftpdock.toml").write_text('certificate = "x.pem"')
    remedy = f"put a certificate and its key there, or take `certificate` out of {home / 'ftpdock.toml'}"

    failed = process("serve", "--host", "127.0.0.1", "--port", "0")

    assert failed.returncode == 1
    assert f"(there is no {home / 'x.pem'}): `ftpdock doctor` looks at them; {remedy}\n" in failed.stderr
    assert process("cert", "show").stderr == f"Error: There is no certificate {home / 'x.pem'} yet: {remedy}\n"


def test_python_server_py_starts_it_too(tmp_path: Path) -> None:
    """`python server.py` is `ftpdock serve`, with its options."""
    done = subprocess.run([sys.executable, "server.py", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert done.returncode == 0
    assert "Run the server until it is stopped" in done.stdout


def test_a_part_that_can_not_be_started_ends_the_server(tmp_path: Path) -> None:
    """Workers and mails were started by then: none of them keeps a server alive that serves nobody."""
    environ = {**os.environ, "FTPDOCK_HOME": str(tmp_path / "home")}
    failed = subprocess.run([sys.executable, "-c", HALF], cwd=ROOT, env=environ, capture_output=True, text=True,
                            timeout=60)  # fmt: skip

    assert failed.returncode == 1
    assert failed.stderr == "Error: can't start new thread\n"


HALF = """
from commands import main
from exports import Exporter

def start(self):
    raise OSError(11, "can't start new thread")

Exporter.start = start
main(["serve", "--host", "127.0.0.1", "--port", "0"])
"""
