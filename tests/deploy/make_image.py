#!/usr/bin/env python3
"""Make an image of jobhook without docker: make_image.py FILE.tar NAME:TAG --tools FOLDER.

Python is Debian bookworm's, unpacked from its packages; jobhook and its lock are pip's. FOLDER has the program `image`,
which makes an OCI archive of a folder. What does not change between two runs is kept in a cache: about 40 s are 5 s then.
"""

import argparse
import contextlib
import fcntl
import getpass
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = [
    "base-files",
    "ca-certificates",
    "libbz2-1.0",
    "libc6",
    "libcrypt1",
    "libexpat1",
    "libffi8",
    "libgcc-s1",
    "liblzma5",
    "libncursesw6",
    "libpython3.11-minimal",
    "libpython3.11-stdlib",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libstdc++6",
    "libtinfo6",
    "libuuid1",
    "media-types",
    "python3.11-minimal",
    "tzdata",
    "zlib1g",
]
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "manylinux1_x86_64")
COMMAND = """#!/usr/bin/python3.11
import sys
from webhook.cli import main
sys.exit(main())
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("name")
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, default=cache())
    options = parser.parse_args()
    if reason := impossible():
        sys.exit(f"no image can be made here: {reason}")
    make(options.file, options.name, tools=options.tools, kept=options.cache)


def cache():
    """The folder of what is kept between two runs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "jobhook-image"


def impossible():
    """Why no image can be made on this machine, or None."""
    try:
        release = pathlib.Path("/etc/os-release").read_text()
    except OSError:
        release = ""
    if "VERSION_CODENAME=bookworm" not in release or not shutil.which("apt-get"):
        return "its Python comes from the packages of Debian bookworm, which this machine is not"
    return None


def make(file, name, *, tools, kept):
    """Write the archive `file` of an image called `name`."""
    with tempfile.TemporaryDirectory(prefix="jobhook-image-") as folder:
        root = pathlib.Path(folder) / "root"
        # Links, not copies: nothing below writes into a file that is there.
        run("cp", "-al", base(kept), root)
        wheel(root / "app")
        compiled(root / "app" / "webhook")
        environment = ["--env", "PYTHONPATH=/app", "--env", "HOST=0.0.0.0", "--env", "PORT=8080"]
        run(tools / "image", file, name, root, *environment, "--", "jobhook", "serve")


def base(kept):
    """A root folder with everything but jobhook itself; made once for each lock."""
    lock = PROJECT / "requirements.txt"
    key = hashlib.sha256(lock.read_bytes() + pathlib.Path(__file__).read_bytes()).hexdigest()[:16]
    folder = kept / key
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.is_dir():
            for old in kept.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            partial = kept / "partial"
            python(partial)
            pip("install", "--require-hashes", "--target", partial / "app", "--requirement", lock)
            compiled(partial / "app", partial / "usr" / "lib" / "python3.11")
            partial.rename(folder)
    return folder


def python(root):
    """Unpack Debian's Python, and what makes a folder a system: users, a place for temporary files, the command."""
    with tempfile.TemporaryDirectory(prefix="jobhook-debs-") as debs:
        download = ["apt-get", "-qq", "--option", f"APT::Sandbox::User={getpass.getuser()}", "download", *PACKAGES]
        try:
            run(*download, cwd=debs)
        except subprocess.CalledProcessError:
            run("apt-get", "-qq", "update")  # the lists are missing, or older than the mirror
            run(*download, cwd=debs)
        for deb in sorted(pathlib.Path(debs).glob("*.deb")):
            run("dpkg", "-x", deb, root)
    for unwanted in ("usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(root / unwanted, ignore_errors=True)
    (root / "etc/passwd").write_text("root:x:0:0::/:/none\njobhook:x:10001:10001::/tmp:/none\n")
    (root / "etc/group").write_text("root:x:0:\njobhook:x:10001:\n")
    certificates = sorted((root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text("".join(file.read_text() for file in certificates))
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    command = root / "usr/local/bin/jobhook"
    command.parent.mkdir(parents=True, exist_ok=True)
    command.write_text(COMMAND)
    command.chmod(0o755)


def wheel(target):
    """Install jobhook from its wheel, so that what is not in the wheel is not in the image."""
    with tempfile.TemporaryDirectory(prefix="jobhook-wheel-") as folder:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--wheel-dir", folder]
        run(sys.executable, "-m", "pip", "wheel", *options, PROJECT)
        (built,) = pathlib.Path(folder).glob("*.whl")
        zipfile.ZipFile(built).extractall(target)


def pip(verb, *arguments):
    """Run pip for the image's Python, which need not be this one."""
    platforms = [f"--platform={name}" for name in PLATFORMS]
    fixed = ["--only-binary=:all:", "--python-version=3.11", "--implementation=cp", *platforms, "--no-compile"]
    quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-warn-conflicts"]
    run(sys.executable, "-m", "pip", verb, *quiet, *fixed, *arguments)


def compiled(*folders):
    """Compile, where this Python is the image's: its file system is read-only. By hash, as `image` drops all times."""
    if sys.version_info[:2] == (3, 11):
        mode = ["-q", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
        with contextlib.suppress(subprocess.CalledProcessError):  # some packages hold templates that are no Python
            run(sys.executable, "-m", "compileall", *mode, *folders)


def run(*command, cwd=None):
    subprocess.run([str(part) for part in command], check=True, cwd=cwd)


if __name__ == "__main__":
    main()
