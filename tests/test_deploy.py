"""What an owner copies onto a server: read by the tools that will read it, where they are here."""

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from guarded import READ, guarded
from live_server import free_port, until
from server_process import running

from rag import Settings

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
OPENSSL = shutil.which("openssl")
real_nginx = pytest.mark.skipif(not (NGINX and OPENSSL), reason="nginx or openssl is not here")
HOST = "127.0.0.1"


def _read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


# ---- systemd ----


def _unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _read("mentor.service").splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = _read("mentor.service").replace("/opt/mentor/deploy/start.sh", "/bin/true")
    (tmp_path / "mentor.service").write_text(program, encoding="utf-8")
    command = ["systemd-analyze", "verify", "--man=no", str(tmp_path / "mentor.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "mentor.service" in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_systemd_finds_the_unit_hardly_exposed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=25"]
    done = subprocess.run(
        [*command, str(DEPLOY / "mentor.service")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-300:]


def test_the_unit_waits_longer_than_the_server_says_goodbye() -> None:
    unit = _unit()
    assert int(unit["TimeoutStopSec"][0]) > Settings.model_fields["goodbye_s"].default
    assert unit["KillSignal"] == ["SIGTERM"]
    assert unit["ProtectSystem"] == ["strict"]
    assert unit["Restart"] == ["on-failure"]


# ---- settings in the files ----


@pytest.mark.parametrize("path", [*DEPLOY.iterdir()], ids=lambda path: path.name)
def test_every_variable_named_is_a_setting(path: Path) -> None:
    known = {f"MENTOR_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bMENTOR_[A-Z_]+", path.read_text(encoding="utf-8"))) <= known


@pytest.mark.parametrize("path", [*DEPLOY.iterdir()], ids=lambda path: path.name)
def test_no_secret_is_in_the_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"(?im)^[^\n]*(?:key|token|login|password)\w*[=:][ \t]*[^\s\"/]", text)


# ---- the image: no engine was here to build it ----


def test_the_image_runs_for_nobody_special_and_says_how_it_is() -> None:
    text = _read("Dockerfile")
    stages = text.split("\nFROM ")
    assert len(stages) == 3
    assert re.search(r"^USER 10001$", stages[-1], re.MULTILINE)
    assert re.search(r"^HEALTHCHECK [^\n]*\\\n[^\n]*/readyz", stages[-1], re.MULTILINE)
    assert re.search(r"^VOLUME /var/lib/mentor$", stages[-1], re.MULTILINE)
    assert "ADD " not in text
    assert not re.search(r"^FROM \S+(?::latest)?$(?<!slim)", text, re.MULTILINE)


def test_every_folder_the_image_copies_from_is_sent_to_its_builder() -> None:
    """What the installation reads must not be left out by .dockerignore."""
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    needed = ["Makefile", "pyproject.toml", "README.md", "LICENSE", "rag", "ui", "eval", "corpus"]
    assert not set(needed) & set(left_out)
    assert {".git", ".mentor", "deploy/environment"} <= set(left_out)


def test_a_first_start_puts_the_shelf_in_place_and_a_second_leaves_it(tmp_path: Path) -> None:
    home = tmp_path / "opt"
    (home / "deploy").mkdir(parents=True)
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / "corpus").mkdir()
    (home / "corpus" / "manifest.toml").write_text("shipped")
    shutil.copy(DEPLOY / "start.sh", home / "deploy")
    (home / ".venv" / "bin" / "mentor").write_text('#!/bin/sh\necho "$@"\n')
    (home / ".venv" / "bin" / "mentor").chmod(0o755)
    there = tmp_path / "state corpus"
    for _ in range(2):
        done = subprocess.run(
            [home / "deploy" / "start.sh", "serve", "--port", "1"],
            env={"MENTOR_CORPUS_DIR": str(there), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "serve --port 1\n"
        assert (there / "manifest.toml").read_text() == "shipped"
        (home / "corpus" / "manifest.toml").write_text("newer")


def test_compose_waits_longer_than_the_server_says_goodbye() -> None:
    text = _read("compose.yaml")
    (seconds,) = re.findall(r"stop_grace_period: (\d+)s", text)
    assert int(seconds) > Settings.model_fields["goodbye_s"].default
    assert re.search(r'^\s+- "127\.0\.0\.1:7860:7860"', text, re.MULTILINE), "never open by itself"


# ---- nginx, for real ----


@contextmanager
def behind_nginx(upstream: str, folder: Path, replica: str = "") -> Iterator[str]:
    """Run nginx with our file in front of a server, or of two; yield its https address."""
    assert NGINX
    assert OPENSSL
    port, plain = free_port(), free_port()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [OPENSSL, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    text = _read("nginx.conf")
    if replica:
        (ours,) = re.findall(r"upstream mentor \{.*?\n\}\n", text, re.DOTALL)
        text = text.replace(ours, _read("replicas.conf"))
        text = text.replace("127.0.0.1:7861", httpx.URL(replica).netloc.decode())
    for ours, theirs in {
        "127.0.0.1:7860": httpx.URL(upstream).netloc.decode(),
        "listen 443 ssl": f"listen {HOST}:{port} ssl",
        "listen 80": f"listen {HOST}:{plain}",
        "/etc/letsencrypt/live/mentor.example/fullchain.pem": str(certificate),
        "/etc/letsencrypt/live/mentor.example/privkey.pem": str(key),
    }.items():
        assert ours in text
        text = text.replace(ours, theirs)
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{name}_temp_path {folder}/{name};" for name in names)
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{text}\n}}",
        encoding="utf-8",
    )
    started = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(started, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: _answers(port)), (folder / "error.log").read_text()
        yield f"https://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _client(address: str = HOST) -> httpx.Client:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return httpx.Client(
        transport=httpx.HTTPTransport(verify=trusting, local_address=address), timeout=30
    )


@real_nginx
def test_through_nginx_the_visitors_own_address_counts(tmp_path: Path) -> None:
    with (
        guarded(proxies=HOST) as upstream,
        behind_nginx(upstream, tmp_path) as address,
        _client("127.0.0.9") as client,
    ):
        forged = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "gopher"}
        told = client.get(f"{address}/healthz", headers=forged).json()
        assert (told["client"], told["scheme"]) == ("127.0.0.9", "https")
        assert client.get(f"{address}/metrics").status_code == 404
        body = client.get(f"{address}/healthz")
        assert body.headers["strict-transport-security"]
        assert len(body.headers.get_list("content-security-policy")) == 1


@real_nginx
def test_without_the_setting_nobody_is_believed(tmp_path: Path) -> None:
    with (
        guarded() as upstream,
        behind_nginx(upstream, tmp_path) as address,
        _client("127.0.0.9") as client,
    ):
        assert client.get(f"{address}/healthz").json()["client"] == HOST


@real_nginx
def test_events_come_through_nginx_one_by_one(tmp_path: Path) -> None:
    """The small application sends three, each when the one before has been read."""
    sizes = []
    with guarded() as upstream, behind_nginx(upstream, tmp_path) as address, _client() as client:
        ask = {"question": "read"}
        with client.stream("POST", f"{address}/api/chat", json=ask) as response:
            assert response.status_code == 200
            for part in response.iter_text():
                sizes.append(part.count("event:"))
                READ.release()
    assert sizes == [1, 1, 1], "they were held back"


@real_nginx
def test_a_real_mentor_answers_through_nginx(tmp_path: Path) -> None:
    with (
        running(tmp_path, tmp_path / "index", proxies=HOST) as server,
        behind_nginx(server.url, tmp_path) as address,
        _client() as client,
    ):
        ask = {"question": "怎么选课题?"}
        with client.stream("POST", f"{address}/api/chat", json=ask) as response:
            events = [line for line in response.iter_lines() if line.startswith("event:")]
        assert events[-2:] == ["event: answer", "event: done"]
        assert len(events) > 2
        page = client.get(f"{address}/", follow_redirects=True)
        assert page.status_code == 200
        assert page.url.scheme == "https"
