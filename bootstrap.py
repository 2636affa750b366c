#!/usr/bin/env python3
"""Everything `make` does, with nothing but Python's standard library: python3 bootstrap.py VERB [ARGUMENTS].

It makes the virtual environment .venv from the lock files when they have changed, and runs the verb in it. The syntax
is kept old, so that an old Python gets as far as saying which one is needed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
STATE = CHECKOUT / ".demo"
# Each lock holds all of the one before it.
LOCKS = {name: CHECKOUT / f"requirements-{name}.txt" for name in ("local", "dev")}

# Enough of a production environment for `manage.py check --deploy`, which connects to nothing.
PRODUCTION_LIKE = {
    "ATHENTY_PROFILE": "production",
    "SECRET_KEY": "only-for-the-deployment-check-0123456789-abcdefghijklmnopqrstuvwxyz",
    "SITE_URL": "https://athenty.example",
    "DATABASE_URL": "postgresql://app_owner@localhost/athenty",
    "REDIS_URL": "rediss://localhost:6379/0",
    "KMS_BACKEND": "aws-kms",
    "KMS_AWS_KEY_ID": "alias/athenty",
    "EMAIL_HOST": "mail.athenty.example",
    "QUICKBOOKS_CLIENT_ID": "check",
    "QUICKBOOKS_CLIENT_SECRET": "check",
    "XERO_CLIENT_ID": "check",
    "XERO_CLIENT_SECRET": "check",
}


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        return refuse(
            f"Athenty needs Python 3.11 or newer; this is {sys.version.split()[0]}. "
            "With another one installed, name it: make demo PYTHON=python3.12"
        )
    if os.name != "posix":
        return refuse("Athenty runs on Linux and macOS. On Windows use the Windows Subsystem for Linux.")
    verb = VERBS.get(arguments[0]) if arguments else None
    if verb is None:
        return refuse(f"Usage: python3 bootstrap.py VERB [ARGUMENTS], where VERB is one of: {', '.join(VERBS)}.")
    return verb(arguments[1:])


def refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


# Verbs ---------------------------------------------------------------------------------------------------------------
def demo(arguments: list[str]) -> int:
    return become("local", str(CHECKOUT / "manage.py"), "demo", *arguments)


def demo_once(arguments: list[str]) -> int:
    return demo(["--once", *arguments])


def sandbox(arguments: list[str]) -> int:
    return become("local", str(CHECKOUT / "manage.py"), "sandbox", *arguments)


def test(arguments: list[str]) -> int:
    """All but the slow ones, in two processes. ARGS="-n 0 -k name" runs a few in one, ARGS="-m slow" the slow ones."""
    few = "--maxschedchunk=10"  # handed out in larger lots, the last of them leave one process alone for a minute
    return become("dev", "-m", "pytest", "-n", "2", few, "-m", "not slow and not faults", *arguments)


def faults(arguments: list[str]) -> int:
    """Break everything that a mirror stands on, and print what was lost and doubled: ours, and a naive peer's."""
    return become("dev", "-m", "tests.faults", *arguments)


def faults_quick(arguments: list[str]) -> int:
    return faults(["--quick", *arguments])


def bench(arguments: list[str]) -> int:
    """How fast the mirror is, beside a naive peer: a table, and 0 only when every goal was met."""
    return become("dev", "-m", "tests.bench", *arguments)


def bench_quick(arguments: list[str]) -> int:
    return bench(["--quick", *arguments])


def bench_scale(arguments: list[str]) -> int:
    return bench(["--scale", *arguments])


def screenshots(arguments: list[str]) -> int:
    """Every page in every state, into docs/screenshots. ARGS="-k tie-out" takes some of them."""
    return become("dev", "-m", "tests.browser", *arguments)


def soak(arguments: list[str]) -> int:
    return become("dev", "-m", "tests.simulation", "--seeds", "20000", *arguments)


def mapping_score(_arguments: list[str]) -> int:
    return become("dev", "-m", "tests.mapping")


def fidelity(_arguments: list[str]) -> int:
    """What the sandbox imitates and how the adapters read it, as two tables."""
    return become("dev", "-m", "tests.fidelity")


def lint(_arguments: list[str]) -> int:
    """All of them run, so that one look shows everything that is wrong."""
    if not install("dev"):
        return 1
    failed = [name for name, command, environment in LINTERS if not passes(name, command, environment)]
    return refuse(f"Failed: {', '.join(failed)}.") if failed else 0


def format_code(_arguments: list[str]) -> int:
    if not install("dev"):
        return 1
    run("-m", "ruff", "check", "--fix", "--quiet", ".")
    return run("-m", "ruff", "format", ".")


def check(arguments: list[str]) -> int:
    return lint([]) or test(arguments)


def clean_demo(_arguments: list[str]) -> int:
    import fcntl  # not on Windows, which has been told so by now

    if not STATE.exists():
        return 0
    with (STATE / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            return refuse(lock.read() or f"A demo is using {STATE}.")
        shutil.rmtree(STATE)
    return 0


def lock(arguments: list[str]) -> int:
    """Pin what pyproject.toml asks for, keeping pins that still fit. `make lock ARGS=--upgrade` renews them all."""
    if not install("dev"):
        return 1
    how = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--quiet", *arguments]
    sources = {
        "requirements.txt": ["pyproject.toml"],
        "requirements-local.txt": ["pyproject.toml", "--group", "local", "--constraint", "requirements.txt"],
        "requirements-dev.txt": ["pyproject.toml", "--group", "dev", "--constraint", "requirements-local.txt"],
        "requirements-build.txt": ["--group", "build"],
    }
    return max(run("-m", "uv", "pip", "compile", *how, *source, "-o", name) for name, source in sources.items())


VERBS = {
    "demo": demo,
    "demo-once": demo_once,
    "test": test,
    "faults": faults,
    "faults-quick": faults_quick,
    "bench": bench,
    "bench-quick": bench_quick,
    "bench-scale": bench_scale,
    "screenshots": screenshots,
    "soak": soak,
    "mapping-score": mapping_score,
    "lint": lint,
    "format": format_code,
    "check": check,
    "clean-demo": clean_demo,
    "sandbox": sandbox,
    "fidelity": fidelity,
    "lock": lock,
}

# What it is called, its command after `python`, and what its environment has beside ours.
LINTERS = [
    ("ruff check", ["-m", "ruff", "check", "."], {}),
    ("ruff format", ["-m", "ruff", "format", "--check", "."], {}),
    ("mypy", ["-m", "mypy"], {"ATHENTY_PROFILE": "local"}),
    ("djlint", ["-m", "djlint", "templates", "--lint", "--quiet"], {}),
    ("compose file", ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"], {}),
    ("check --deploy", ["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION_LIKE),
    ("architecture", ["-m", "pytest", "-q", "tests/test_architecture.py", "tests/test_lock_files.py"], {}),
]


# Environment ---------------------------------------------------------------------------------------------------------
def become(lock: str, *command: str) -> int:
    """Replace this process by `python …` of the virtual environment, so that signals reach it and nobody else."""
    if install(lock):
        if command[0] == "-m":
            os.chdir(CHECKOUT)
        environment = {**os.environ, "ATHENTY_PROFILE": "local"}
        # Each of the many processes would compile all of Athenty again, for two of the three seconds of its start.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        os.execve(PYTHON, [str(PYTHON), *command], environment)
    return 1


def run(*command: str, environment: dict[str, str] | None = None) -> int:
    return subprocess.run([str(PYTHON), *command], cwd=CHECKOUT, env={**os.environ, **(environment or {})}).returncode


def passes(name: str, command: list[str], environment: dict[str, str]) -> bool:
    print(f"== {name}", flush=True)
    return run(*command, environment=environment) == 0


def install(lock: str) -> bool:
    """Bring the virtual environment up to the lock; at once when it is there already. False after saying why not."""
    import fcntl  # not on Windows, which has been told so by now

    # Two first runs at the same time would write into one folder.
    with Path(__file__).open() as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)
        stamps = {name: digest(path) for name, path in LOCKS.items()}
        if PYTHON.exists() and stamp(lock) == stamps[lock]:
            return True
        print(f"Installing what {LOCKS[lock].name} pins into {VENV.name} …", flush=True)
        if not (PYTHON.exists() or make_venv()) or not install_lock(LOCKS[lock]):
            return False
        held = ("local", "dev") if lock == "dev" else ("local",)
        for name in held:
            (VENV / f"installed-{name}").write_text(stamps[name])
        return True


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stamp(lock: str) -> str:
    try:
        return (VENV / f"installed-{lock}").read_text()
    except OSError:
        return ""


def make_venv() -> bool:
    finished = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if finished.returncode == 0:
        return True
    shutil.rmtree(VENV, ignore_errors=True)  # Debian without python3-venv leaves half of one
    print(
        "Python could not make a virtual environment. On Debian and Ubuntu install what is missing: "
        f"apt install python3-venv\n{(finished.stdout + finished.stderr).strip()}",
        file=sys.stderr,
    )
    return False


def install_lock(path: Path) -> bool:
    """By uv, in seconds; or by pip if uv can't get through, since uv does not read pip's settings.

    Those may name the only way out of a company's network.
    """
    strict = ["--require-hashes", "--only-binary", ":all:"]
    quiet_pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # The one package that comes as source is built with the setuptools pinned here.
    source = ["--no-binary", "xero-python", "--no-build-isolation"]
    wanted = [*strict, *source, "-r", str(path)]
    installed = run(*quiet_pip, *strict, "-r", "requirements-build.txt") == 0 and (
        run("-m", "uv", "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PYTHON), *wanted) == 0
        or run(*quiet_pip, "--use-pep517", *wanted) == 0
    )
    if not installed:
        refuse(f"{path.name} could not be installed; the message above says why. It needs a way to a package index.")
    return installed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
