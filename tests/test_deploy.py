"""The files of deploy/ name what exists, keep secrets out, and are read by the tools that will read them."""

from __future__ import annotations

import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SECRET = {item.metadata["env"] for item in fields(settings.Settings) if item.metadata.get("secret")}
KNOWN = {item.metadata["env"] for item in fields(settings.Settings)} | {f"{name}_FILE" for name in SECRET}
OURS = ("migrate", "web", "worker", "sender")


@pytest.mark.parametrize(
    "file", [path for path in sorted(DEPLOY.rglob("*")) if path.is_file() and "secrets" not in path.parts], ids=str
)
def test_every_setting_exists_and_no_secret_stands_in_a_file(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert set(re.findall(r"\bPANDU_[A-Z_]+", text)) - KNOWN - {"PANDU_HOST"} == set()
    for name in SECRET:
        assert not re.search(rf"\b{name}\s*[:=]\s*[^$\s]", text), f"{file}: {name} belongs into a file"


def test_containerfile() -> None:
    own = [words.split() for words in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE)]
    missing = [source for *sources, _ in own for source in sources if not (ROOT / source).exists()]
    assert missing == []
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER \d{4,}", last, re.MULTILINE), "a number, so that runtimes can see that it is not root"
    assert "HEALTHCHECK" in last
    assert "pip" not in last, "what builds stays behind"
    assert "--require-hashes" in CONTAINERFILE
    packages = set(
        re.findall(r'"(\w+)"', re.search(r"^packages = (.*)$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1])
    )  # type: ignore[index]
    assert packages <= {source for *sources, _ in own for source in sources}
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert not [source for *sources, _ in own for source in sources if source.partition("/")[0] in ignored]


def test_compose() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"]), name
        assert set(service.get("depends_on", [])) <= set(services), name
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"]), name
        assert not service.get("privileged"), name
    for name in OURS:
        service = services[name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        named = {value.rpartition("/")[2] for key, value in service["environment"].items() if key.endswith("_FILE")}
        assert named == set(service["secrets"]), name
    assert [services[name]["command"][-1] for name in OURS[1:]] == ["web", "worker", "sender"]
    assert services["migrate"]["command"] == ["db", "upgrade"]
    assert "ports" not in services["postgres"]
    assert services["postgres"]["networks"] == ["inside"]
    assert services["web"]["ports"] == ["127.0.0.1:8080:8080"], "the world comes through the proxy"
    assert (
        services["web"]["environment"]["PANDU_TRUSTED_PROXIES"]
        == COMPOSE["networks"]["outside"]["ipam"]["config"][0]["subnet"]
    )
    assert (DEPLOY / services["caddy"]["volumes"][0].partition(":")[0]).exists()


def test_compose_is_read_by_its_own_tool(tmp_path: Path) -> None:
    tool = next((found for name in ("podman-compose", "docker-compose") if (found := shutil.which(name))), None)
    if tool is None:
        pytest.skip("no compose on this machine: only its YAML is read")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    asked = [tool, "-f", str(tmp_path / "deploy/compose.yaml"), "config"]
    subprocess.run(asked, check=True, capture_output=True, env={**os.environ, "PANDU_OPERATOR": "x"})  # noqa: S603


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_hardened_and_hand_secrets_over_as_credentials(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8")
    lines = set(text.splitlines())
    wanted = {
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
        "User=pandu",
        "UMask=0077",
    }
    assert wanted <= lines
    credentials = set(re.findall(r"^LoadCredential=(\w+):", text, re.MULTILINE))
    assert set(re.findall(r"_FILE=%d/(\w+)", text)) == credentials


def test_units_are_read_by_systemd(tmp_path: Path) -> None:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("no systemd on this machine: only the text of the units is read")
    names = []
    for unit in (DEPLOY / "systemd").iterdir():
        if unit.suffix in (".service", ".timer"):
            name = unit.name.replace("@", "@worker-2")
            text = unit.read_text(encoding="utf-8").replace("/opt/pandu/bin/pandu", "/bin/true")
            (tmp_path / name).write_text(text)
            names.append(str(tmp_path / name))
    done = subprocess.run([tool, "verify", "--man=no", *names], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


@pytest.mark.parametrize(("instance", "role"), [("web", "web"), ("worker-2", "worker"), ("all", "all")])
def test_the_role_of_an_instance(instance: str, role: str) -> None:
    unit = (DEPLOY / "systemd/pandu@.service").read_text(encoding="utf-8")
    line = re.search(r"^ExecStart=/bin/sh -c '(.*)'$", unit, re.MULTILINE)[1]  # type: ignore[index]
    script = (
        line.replace("%%", "%").replace("$$", "$").replace("%i", instance).replace("exec /opt/pandu/bin/pandu", "echo")
    )
    found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert found.stdout.split() == ["run", "--role", role]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check(status: int, code: int) -> None:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        env = {**os.environ, "PANDU_METRICS_BIND": f"0.0.0.0:{server.server_port}"}
        done = subprocess.run([sys.executable, str(DEPLOY / "healthy.py")], env=env, capture_output=True, check=False)  # noqa: S603
        thread.join()
    assert done.returncode == code
    gone = subprocess.run([sys.executable, str(DEPLOY / "healthy.py")], env=env, capture_output=True, check=False)  # noqa: S603
    assert gone.returncode == 1, "nobody answers any more"
