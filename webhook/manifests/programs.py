"""Names of programs that take code or run other programs, and how they are recognised."""

from __future__ import annotations

import re

SHELLS = frozenset(
    {
        *("sh", "bash", "ash", "dash", "zsh", "ksh", "mksh", "lksh", "oksh", "pdksh", "rksh", "rbash", "hush", "yash"),
        *("osh", "posh", "bosh", "sash", "bsh", "msh"),
    }
)
"""Those that quote as POSIX has it."""
POWERSHELLS = frozenset({"powershell", "pwsh"})
RUNNERS = frozenset({"su", "runuser", "sg", "script", "flock", "sudo", "doas"})
"""They hand the text after -c to a shell."""
JOINING = {"ssh": "BbcDEeFIiJLlmOopPQRSWw", "watch": "nqi", "parallel": "jaPIiNnLlXxSdE"}
"""They hand all their words, joined, to a shell; with the letters of options that take a word."""
WRAPPERS = RUNNERS | {
    *("env", "busybox", "toybox", "nice", "ionice", "nohup", "timeout", "time", "tini", "dumb-init", "gosu", "su-exec"),
    *("exec", "xargs", "setsid", "stdbuf", "chroot", "unshare", "nsenter", "setpriv", "strace", "find", "parallel"),
    *("catatonit", "chpst", "s6-setuidgid", "s6-applyuidgid", "setuidgid", "taskset", "numactl", "prlimit", "chrt"),
    *("systemd-run", "mpirun", "mpiexec", "srun", "torchrun", "xvfb-run", "unbuffer", "faketime", "fakeroot", "ltrace"),
    *("conda", "mamba", "micromamba", "poetry", "uv", "pipenv", "pdm", "hatch", "rye", "command", "builtin", "capsh"),
    *("eatmydata", "firejail", "bwrap", "proot", "cgexec", "setarch", "valgrind", "watch", "entr", "dbus-run-session"),
}
"""Programs that run the one among their words; every word behind them may be it."""
INTERPRETERS = (
    # Programs, the letters of options whose argument is code, and letters after which a word's rest is no option.
    (re.compile(r"i?python|pypy|jython|micropython"), "c", "mWXQ"),
    (re.compile(r"perl"), "eE", "MmIiFxDC"),
    (re.compile(r"j?ruby|irb"), "e", "rICEFKTWx0"),
    (re.compile(r"node|nodejs|bun|deno|qjs|tsx|ts-node"), "ep", "rC"),
    (re.compile(r"php"), "rBRE", "dcz"),
    (re.compile(r"lua|luajit|rscript|r|tclsh|elixir|julia|ghc|groovy|scala|osascript|guile|racket|gjs"), "eE", "l"),
    (re.compile(r"fish|t?csh|nu|xonsh|elvish|rc|es|ion|ysh"), "cC", ""),
)
PROGRAM_FIRST = re.compile(r"[gmn]?awk|goawk|original-awk|g?sed|(?:go)?jq|jaq|yq")
"""Programs whose first word is code where no option brought it."""
LONG_CODE = frozenset({"--eval", "--print", "--command", "--execute", "--run", "--expression", "--source", "eval"})
TAKING_DATA = {"--arg": 2, "--argjson": 2, "-v": 1, "-F": 1, "--assign": 1}
"""Options of awk and jq that take data, and how many words of it."""

_FULL_NAME = re.compile(
    r"([a-z][a-z-]*?)(?:[-._]?\d+(?:\.\d+)*[a-z]?)?(?:[-._](?:static|bin|real|distrib|musl|minimal|full|dbg))*"
)


def name_of(text: str) -> str:
    r"""A program's name without its folder, `.exe`, version and kind of build.

    >>> name_of("/usr/bin/python3.12"), name_of("bash-static"), name_of(r"C:\cmd.EXE"), name_of("su-exec")
    ('python', 'bash', 'cmd', 'su-exec')
    """
    name = re.split(r"[/\\]", text)[-1].lower()
    name = re.sub(r"\.(?:exe|com|cmd|bat)$", "", name)
    match = _FULL_NAME.fullmatch(name)
    return match[1] if match else name
