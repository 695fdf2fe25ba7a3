"""What the benchmark needs and jobhook does not: compiled programs, and an environment for the Python peers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .machine import Trouble

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
OUT = HERE / "out"
RUN = OUT / "run"
"""Where servers work: configuration, kubeconfigs, logs."""
SECRET = RUN / "secret"
"""That signs every delivery."""

ADNANH = "github.com/adnanh/webhook@latest"


@dataclass(frozen=True, slots=True)
class Tools:
    """Programs that are there.

    Attributes:
        python: of jobhook's own environment; it runs this, too.
        peers: the Python of the peers' environment.
        adnanh: None where it cannot be had; `adnanh_trouble` says why.
    """

    python: Path
    peers: Path
    load: Path
    stub: Path
    goreceiver: Path
    adnanh: Path | None
    adnanh_trouble: str


def build() -> Tools:
    """Build all of it; what is there already is taken. Raises Trouble."""
    RUN.mkdir(parents=True, exist_ok=True)
    SECRET.write_text("It's a Secret to Everybody, and this one is long enough")
    if shutil.which("taskset") is None:
        raise Trouble("taskset is missing; it is in util-linux")
    if shutil.which("go") is None:
        raise Trouble("the Go toolchain (1.22 or newer) is missing: https://go.dev/dl")
    programs = OUT / "bin"
    programs.mkdir(exist_ok=True)
    _do(["go", "build", "-buildvcs=false", "-o", f"{programs}/", "./load", "./stub", "./peers/goreceiver"], HERE)
    adnanh, trouble = _adnanh(programs)
    return Tools(
        python=Path(sys.executable),
        peers=_environment(),
        load=programs / "load",
        stub=programs / "stub",
        goreceiver=programs / "goreceiver",
        adnanh=adnanh,
        adnanh_trouble=trouble,
    )


def _adnanh(programs: Path) -> tuple[Path | None, str]:
    """adnanh/webhook by its common name: from the folder, the Go proxy, the machine, or Debian's package of it."""
    built = programs / "webhook"
    if built.is_file():
        return built, ""
    done = _quietly(["go", "install", ADNANH], OUT, GOBIN=str(programs))
    if done.returncode == 0:
        return built, ""
    if found := shutil.which("webhook"):
        return Path(found), ""
    unpacked = _debian(built)
    reason = " ".join(done.stderr.split()[-8:])
    trouble = (
        "" if unpacked else f"adnanh/webhook cannot be had from the Go proxy ({reason}), nor Debian's package of it"
    )
    return (built if unpacked else None), trouble


def _debian(program: Path) -> bool:
    """Take the program out of Debian's package, without installing it; whether that went."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return False
    folder = OUT / "debian"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for command in (["apt-get", "update"], ["apt-get", "download", "webhook"]):
        if _quietly(command, folder).returncode and command[1] == "download":
            return False
    package = next(folder.glob("webhook_*.deb"))
    if _quietly(["dpkg-deb", "-x", str(package), "unpacked"], folder).returncode:
        return False
    shutil.copy2(folder / "unpacked" / "usr" / "bin" / "webhook", program)
    return True


def _quietly(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def _environment() -> Path:
    """The peers' own virtual environment, made anew when its requirements change."""
    folder, wanted = OUT / "venv", HERE / "requirements.txt"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not stamp.is_file() or stamp.read_text() != wanted.read_text():
        _do([sys.executable, "-m", "venv", "--clear", folder], OUT)
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _do([*install, "--require-hashes", "-r", wanted], OUT)
        stamp.write_text(wanted.read_text())
    return python


def _do(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Trouble(f"{' '.join(map(str, command))}:\n{done.stderr[-2000:]}")
