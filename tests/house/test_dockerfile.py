"""Keeps Dockerfile and compose.yaml honest: read line by line here, and walked for real, without a Docker engine, below."""

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from postoffice.settings import Settings
from tests.house.dockerfile import Context, Walk, read

ROOT = Path(__file__).resolve().parents[2]
STAGES = read(ROOT / "Dockerfile")
FINAL = STAGES[-1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}


@pytest.fixture(scope="module")
def context() -> Context:
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("not a git checkout")
    return Context(ROOT)


def settings_of(environment: dict[str, Any]) -> set[str]:
    return {name.removeprefix("POSTOFFICE_").lower() for name in environment if name.startswith("POSTOFFICE_")}


def test_every_file_that_is_copied_is_in_git_and_not_ignored(context: Context) -> None:
    copies = [step for stage in STAGES for step in stage.steps if step.word == "COPY" and not step.flag("from")]
    assert copies
    assert [source for step in copies for source in step.parts[:-1] if not context.under(source)] == []


def test_nothing_private_reaches_the_image(context: Context) -> None:
    assert [name for name in context.files if name.startswith(("data/", "tests/", ".git", ".env", "benchmarks/"))] == []


def test_stages_are_copied_from_after_they_were_built() -> None:
    built: set[str] = set()
    for stage in STAGES:
        assert {step.flag("from") for step in stage.steps if step.word == "COPY"} - {""} <= built
        built.add(stage.name)


def test_the_image_does_not_run_as_root_and_keeps_its_data() -> None:
    user = FINAL.last("USER").text
    assert user not in ("root", "0")
    assert any(f"install -d -o {user} " in step.text for step in FINAL.steps if step.word == "RUN")
    assert FINAL.environment["POSTOFFICE_DATA"] == FINAL.last("VOLUME").text
    assert FINAL.environment["POSTOFFICE_HOST"] == "0.0.0.0"


def test_ports_are_those_that_the_office_listens_on() -> None:
    exposed = FINAL.last("EXPOSE").text.split()
    assert exposed == [FINAL.environment["POSTOFFICE_PORT"], FINAL.environment["POSTOFFICE_IPPS_PORT"]]
    inside = [port.rpartition(":")[2] for port in COMPOSE["services"]["web"]["ports"]]
    assert inside == exposed
    assert settings_of(FINAL.environment) <= set(Settings.model_fields)


def test_health_is_asked_where_the_office_tells_it() -> None:
    code = FINAL.last("HEALTHCHECK").listed[2]
    compile(code, "healthcheck", "exec")
    assert "/health" in code
    assert re.findall(r"environ\['(\w+)'\]", code) == ["POSTOFFICE_PORT"]


@pytest.mark.slow
def test_commands_exist() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    told = subprocess.run([ROOT / ".venv/bin/postoffice", "--help"], capture_output=True, text=True, timeout=60, check=False)
    commands = [FINAL.last("CMD").listed, *(service["command"] for service in OURS.values())]
    for program, word, *_ in commands:
        assert program in scripts
        assert re.search(rf"\b{word}\b", told.stdout), f"postoffice {word} is not a command"


def test_compose_services_hang_together() -> None:
    services = COMPOSE["services"]
    assert {"web", "worker", "migrate", "database", "queue"} <= services.keys()
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        named = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert named <= COMPOSE["volumes"].keys()
    assert services["web"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "--appendonly" in services["queue"]["command"]


def test_compose_sets_settings_that_exist() -> None:
    for service in OURS.values():
        assert settings_of(service["environment"]) <= set(Settings.model_fields)
    environment = OURS["web"]["environment"]
    assert f"@{'database'}/" in environment["POSTOFFICE_DATABASE_URL"]
    assert environment["POSTOFFICE_REDIS_URL"].startswith("redis://queue:")


def test_secrets_stand_outside_and_must_be_given() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name, value in OURS["web"]["environment"].items():
        if name in ("POSTOFFICE_MASTER_KEY", "POSTOFFICE_PUBLIC_URL"):
            assert re.fullmatch(rf"\$\{{{name}:\?[^}}]+\}}", value)
    assert "${POSTGRES_PASSWORD:?" in text
    assert "${POSTGRES_PASSWORD}" not in text


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="po-image-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_steps_work(context: Context, folder: Path) -> None:
    """Every COPY and RUN of every stage in a bare Debian of the base image's release; then the image's command, as its user."""
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        pytest.skip("needs root and debootstrap")
    if subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs a mount namespace of its own, which a chroot or container may not have")
    release = re.fullmatch(r"debian:(\w+)-slim", FINAL.base)
    assert release, "the walk knows Debian's slim images only"
    base = folder / "base"
    made = subprocess.run(["debootstrap", "--variant=minbase", release[1], base], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"debootstrap: {made.stdout[-300:]}")
    lend_network(base)
    walk = Walk(context, base, folder)
    for stage in STAGES:
        assert stage.base == FINAL.base
        root = walk.build(stage)
    environment, user = FINAL.environment, FINAL.last("USER").text
    program, *words = FINAL.last("CMD").listed
    told = walk.run(root, [program, *words, "--help"], environment, FINAL.last("WORKDIR").text, user)
    assert told.returncode == 0, told.stderr
    health = walk.run(root, FINAL.last("HEALTHCHECK").listed, environment, user=user)
    assert "Connection refused" in health.stderr  # it runs, and nobody is there
    kept = walk.run(root, ["sh", "-c", "touch $POSTOFFICE_DATA/x && ! touch /opt/postoffice/x"], environment, user=user)
    assert kept.returncode == 0, kept.stderr
    shipped = (
        "import importlib.resources as r; print([(r.files('postoffice') / name).is_dir() for name in ('_templates', '_printdrivers')])"
    )
    assert walk.run(root, ["python", "-c", shipped], environment, user=user).stdout.strip() == "[True, True]"


def lend_network(base: Path) -> None:
    """What an engine gives its builds: name resolution, and this machine's certificates and sources of packages."""
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        shutil.copy(name, base / name.lstrip("/"))
    for name in ("/etc/ssl/certs", "/usr/local/share/ca-certificates", "/etc/apt/apt.conf.d"):
        if os.path.isdir(name):
            shutil.copytree(name, base / name.lstrip("/"), dirs_exist_ok=True, symlinks=False, ignore_dangling_symlinks=True)
