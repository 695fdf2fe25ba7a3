"""Secrets in files: read again when they change, refused when they cannot be one, never shown."""

import os
import time

import pytest
from structlog.testing import capture_logs

from webhook import secretfiles
from webhook.secretfiles import SecretFile, UnusableSecret

ONE, TWO = b"one-secret-of-enough-bytes", b"two-secret-of-enough-bytes"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(ONE)
    return path


@pytest.fixture
def settled(monkeypatch):
    """Every file counts as long unchanged, so that only its stamp decides."""
    monkeypatch.setattr(secretfiles, "_SETTLED_NS", -(10**18))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (ONE, ONE),
        (ONE + b"\n", ONE),
        (ONE + b"\r\n", ONE),
        (ONE + b"\n\n", ONE + b"\n"),
        (ONE + b"\r", ONE + b"\r"),
        (b" " + ONE + b" ", b" " + ONE + b" "),
        (b"\xff" * 16, b"\xff" * 16),
    ],
)
def test_one_newline_at_the_end_is_not_the_secrets(file, content, value):
    """Exactly one newline goes, and nothing else of the bytes."""
    file.write_bytes(content)
    assert secretfiles.read(file) == value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b" " * 20, "empty"),
        (b"x" * 15, "fewer than 16 bytes"),
        (b"x" * 15 + b"\n", "fewer than 16 bytes"),
        (b"x" * 70_000, "more than 64 KiB"),
    ],
)
def test_what_is_no_secret_is_refused_with_the_remedy(file, content, reason):
    """Empty, short and endless files are refused, by a reason that shows nothing of them."""
    file.write_bytes(content)
    with pytest.raises(UnusableSecret) as caught:
        secretfiles.read(file)
    assert reason in caught.value.reason
    assert "xxx" not in str(caught.value)


def test_places_that_hold_no_file_are_refused(tmp_path):
    """A missing file, a folder, a named pipe (which would block) and an impossible path each say what they are."""
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "missing", "names no file"),
        (tmp_path / "pipe" / "below", "names no file"),
        (tmp_path, "folder"),
        (tmp_path / "pipe", "no regular file"),
        (tmp_path / "a\0b", "cannot be read"),
    ):
        with pytest.raises(UnusableSecret, match=reason):
            secretfiles.read(path)


def test_a_written_file_is_seen_at_the_next_use(file):
    """A secret that was written over counts at once, also with equal size and within one clock tick."""
    secret = SecretFile(file)
    for number in range(200):
        value = b"%016d" % number
        file.write_bytes(value)
        assert secret.value() == value


def test_a_change_is_seen_by_its_stamp_alone(file, settled):
    """Replaced by rename with the same size and modification time, the file still is another one."""
    secret = SecretFile(file)
    assert secret.value() == ONE
    other = file.with_name("other")
    other.write_bytes(TWO)
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    assert secret.value() == TWO


def test_an_unchanged_file_is_not_read_again(file, settled):
    """The very same bytes object comes back, so that what is derived from it can be kept."""
    secret = SecretFile(file)
    assert secret.value() is secret.value()


def test_a_recent_look_is_good_for_a_moment(file, settled, monkeypatch):
    """Within it the file is not looked at, after it at the next use; what could not be read is looked at each time."""
    now = 1000.0
    monkeypatch.setattr(secretfiles.time, "monotonic", lambda: now)
    secret = SecretFile(file)
    assert secret.recent() == ONE
    file.write_bytes(TWO + b"!")
    now += secretfiles.RECENT_SECONDS * 0.9
    assert secret.recent() == ONE
    assert secret.value() == TWO + b"!"
    file.write_bytes(ONE)
    now += secretfiles.RECENT_SECONDS * 1.1
    assert secret.recent() == ONE
    file.unlink()
    assert secret.value() is None
    file.write_bytes(TWO)
    assert secret.recent() == TWO


def test_a_file_that_changed_a_moment_ago_is_read_again(file):
    """Within the time's granularity a stamp proves nothing, so that it is not kept."""
    secret = SecretFile(file)
    secret.value()
    assert secret._read[0] is None
    assert time.time_ns() - file.stat().st_ctime_ns < 60 * 10**9


def test_the_symlinks_of_a_mounted_secret_are_followed(tmp_path, settled):
    """The kubelet swaps `..data` to a new folder; the path stays, and the secret is the new one."""
    for name, value in (("..1", ONE), ("..2", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "github").write_bytes(value)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "github").symlink_to("..data/github")
    secret = SecretFile(tmp_path / "github")
    assert secret.value() == ONE
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").replace(tmp_path / "..data")
    assert secret.value() == TWO


@pytest.mark.parametrize("remove", [lambda path: path.unlink(), lambda path: path.write_bytes(b"short")])
def test_a_secret_that_went_away_lets_nothing_in(file, settled, remove):
    """Removed or emptied, it counts no longer at the very next use, and counts again when it is back."""
    secret = SecretFile(file)
    assert secret.value() == ONE
    remove(file)
    assert secret.value() is None
    file.write_bytes(TWO)
    assert secret.value() == TWO


def test_each_change_is_logged_once_and_never_the_secret(file):
    """A lost secret is one line in the log, however often it is asked for; so is its return."""
    secret = SecretFile(file)
    with capture_logs() as logs:
        secret.value()
        file.write_bytes(b"short-secret")
        for _ in range(3):
            secret.value()
        file.unlink()
        for _ in range(3):
            secret.value()
        file.write_bytes(TWO)
        for _ in range(3):
            secret.value()
    assert [line["event"] for line in logs] == ["secret.unusable", "secret.unusable", "secret.usable"]
    assert "secret-of" not in str(logs)
    assert "short-secret" not in str(logs)


def test_it_never_shows_its_secret(file):
    """A repr names the path alone."""
    secret = SecretFile(file)
    secret.value()
    assert repr(secret) == f"SecretFile({str(file)!r})"
    assert ONE.decode() not in repr(secret)
