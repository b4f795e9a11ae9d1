"""Make ``.venv``, install the lock into it, and compile the locks; the Makefile calls it.

It needs the standard library only and reads with any Python from 3.8 on, so that a wrong version
gets an explanation and no traceback. Doing nothing takes a tenth of a second: what was installed
is remembered by the digest of the files it was installed from.
"""

# ruff: noqa: INP001, T201, D103 - a script that talks to a person, run by a path

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UV = VENV / "uv" / "bin" / "uv"
STAMPS = VENV / "nocturne-installed.json"
# There while packages are being written: an installation that was cut off is done over.
UNFINISHED = VENV / "nocturne-unfinished"

SUPPORTED = [(3, 11), (3, 12), (3, 13)]
LOCKS = ("requirements", "requirements-dev", "requirements-gpu")

# Of another Python or another installation; the settings of package indexes are left alone.
FOREIGN = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_NO_COMPILE",
    "UV_PROJECT_ENVIRONMENT",
    "UV_SYSTEM_PYTHON",
)


class SetUpError(Exception):
    """Something a person must see to; the message says what to do."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["install", "dev", "lock"])
    parser.add_argument("--upgrade", action="store_true", help="lock: take newer versions")
    arguments = parser.parse_args()
    try:
        if arguments.action == "lock":
            ensure_venv()
            compile_locks(upgrade=arguments.upgrade)
        else:
            install(with_dev=arguments.action == "dev")
    except SetUpError as error:
        print("\n" + str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the next `make install` goes on from here.", file=sys.stderr)
        return 130
    return 0


def install(with_dev):
    """Bring ``.venv`` to the state of the lock; do nothing when it is there already."""
    wanted = {
        "place": str(VENV),  # console scripts hold it: a moved clone is installed anew
        "lock": digest("requirements.txt"),
        "project": digest("pyproject.toml"),
    }
    if with_dev:
        wanted["dev"] = digest("requirements-dev.txt")
    installed = read_stamps()
    if installed.get("place", wanted["place"]) != wanted["place"]:
        print("This clone was moved: making .venv anew.")
        shutil.rmtree(VENV)
        installed = {}
    if {**installed, **wanted} == installed and PYTHON.exists() and not UNFINISHED.exists():
        return
    ensure_venv()
    is_redone = UNFINISHED.exists()
    UNFINISHED.touch()
    if is_redone or installed.get("lock") != wanted["lock"]:
        print("Installing the packages of requirements.txt (3 GB, some minutes the first time).")
        install_packages(["-r", "requirements.txt"], is_redone)
    if with_dev and (is_redone or installed.get("dev") != wanted["dev"]):
        print("Installing what tests and lint need (requirements-dev.txt).")
        install_packages(["-r", "requirements-dev.txt"], is_redone)
    if is_redone or installed.get("project") != wanted["project"]:
        # --no-build-isolation: setuptools is in the lock, nothing is to be downloaded for this.
        install_packages(["--no-deps", "--no-build-isolation", "-e", "."], False)
    kept = {} if is_redone else installed
    STAMPS.write_text(json.dumps({**kept, **wanted}, indent=2) + "\n", encoding="utf-8")
    UNFINISHED.unlink()
    print("Installed: .venv/bin/nocturne")


def ensure_venv():
    """Make ``.venv`` with pip in it, unless a usable one is there."""
    if PYTHON.exists() and version_of(PYTHON) in SUPPORTED:
        if run_quietly([PYTHON, "-m", "pip", "--version"]) or run_quietly(
            [PYTHON, "-m", "ensurepip", "--upgrade"]
        ):
            return
        print("The .venv here is not complete: making it anew.")
    check_python()
    if VENV.exists():
        shutil.rmtree(VENV)
    print("Making .venv with Python {}.{}.".format(*sys.version_info[:2]))
    try:
        run([sys.executable, "-m", "venv", VENV])
    except SetUpError:
        shutil.rmtree(VENV, ignore_errors=True)
        raise


def check_python():
    """Refuse a Python that the lock was not made for, or that cannot make environments."""
    own = "{}.{}".format(*sys.version_info[:2])
    if sys.version_info[:2] not in SUPPORTED:
        names = ["python{}.{}".format(*version) for version in reversed(SUPPORTED)]
        found = [name for name in names if shutil.which(name) and run_quietly([name, "-V"])]
        hint = (
            "set it on the command line: make install PYTHON=" + found[0]
            if found
            else "install one of them, then: make install PYTHON=/path/to/python3"
        )
        raise SetUpError(
            f"Nocturne needs Python 3.11, 3.12 or 3.13; {sys.executable} is {sys.version.split()[0]}.\n"
            f"What to do: {hint}"
        )
    if not run_quietly([sys.executable, "-c", "import ensurepip, venv"]):
        raise SetUpError(
            f"{sys.executable} cannot make virtual environments: venv or ensurepip is missing.\n"
            f"What to do: on Debian and Ubuntu, apt install python{own}-venv; else choose another "
            "Python: make install PYTHON=/path/to/python3"
        )


def install_packages(arguments, is_redone):
    """Install with uv, or with pip where uv cannot be had or cannot do it."""
    if ensure_uv():
        command = [UV, "pip", "install", "--python", PYTHON, *(["--reinstall"] * is_redone)]
        if run_uv([*command, *arguments]):
            return
        print("uv could not do it; trying pip.")
    redo = ["--force-reinstall"] * is_redone
    run([PYTHON, "-m", "pip", "install", "--compile", *redo, *arguments])
    # Without bytecode every import of every process takes two to four times as long.
    packages = run_for_output([PYTHON, "-c", "import site; print(site.getsitepackages()[0])"])
    # Its exit code is not asked: a few files of other packages are templates, which do not compile.
    run_quietly([PYTHON, "-m", "compileall", "-qq", "-j", "0", packages])


def ensure_uv():
    """Have uv, from the package index, in a folder of its own inside ``.venv``."""
    if UV.exists():
        return True
    # pip's own errors matter little here: the fallback shows them again, about the packages.
    command = [PYTHON, "-m", "pip", "install", "--target", VENV / "uv", "--upgrade", "uv"]
    return run_quietly(command) and UV.exists()


def compile_locks(upgrade):
    """Compile every ``requirements*.in`` into its lock, for all supported systems at once."""
    if not ensure_uv():
        raise SetUpError(
            "uv cannot be installed from the package index, and only uv makes these locks.\n"
            "What to do: check the network and pip's settings (pip config list)."
        )
    for name in LOCKS:
        command = [UV, "pip", "compile", "--universal", "--python-version", "3.11", "--quiet"]
        command += [name + ".in", "-o", name + ".txt", "--no-emit-index-url"]
        command += ["--custom-compile-command", "make lock", *(["--upgrade"] * upgrade)]
        print(f"Compiling {name}.in into {name}.txt")
        if not run_uv(command):
            raise SetUpError(f"uv could not compile {name}.in.")


def run_uv(command):
    command = [str(part) for part in command]
    return subprocess.call(command, cwd=str(ROOT), env=uv_environment()) == 0


def uv_environment():
    """Tell uv what pip was told: uv reads none of pip's settings."""
    known = environment()
    known["UV_COMPILE_BYTECODE"] = "1"
    # uv's own limits, one minute and half a minute, are short for 3 GB on a slow disk or network.
    known.setdefault("UV_COMPILE_BYTECODE_TIMEOUT", "600")
    known.setdefault("UV_HTTP_TIMEOUT", "180")
    pip = {}
    for line in run_for_output([PYTHON, "-m", "pip", "config", "list"]).splitlines():
        key, _, value = line.partition("=")
        # The environment's entries come first and count most.
        pip.setdefault(key.rpartition(".")[2].strip(), ast.literal_eval(value.strip()))
    if "index-url" in pip and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(known):
        known["UV_DEFAULT_INDEX"] = pip["index-url"]
    if "cert" in pip:
        known.setdefault("SSL_CERT_FILE", pip["cert"])
    return known


def environment():
    return {name: value for name, value in os.environ.items() if name not in FOREIGN}


def run(command):
    command = [str(part) for part in command]
    code = subprocess.call(command, cwd=str(ROOT), env=environment())
    if code != 0:
        raise SetUpError("This command ended with code {}: {}".format(code, " ".join(command)))


def run_quietly(command):
    answer = subprocess.run(
        [str(part) for part in command],
        cwd=str(ROOT),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return answer.returncode == 0


def run_for_output(command):
    command = [str(part) for part in command]
    answer = subprocess.run(
        command, cwd=str(ROOT), env=environment(), stdout=subprocess.PIPE, text=True, check=False
    )
    return answer.stdout.strip()


def version_of(python):
    text = run_for_output([python, "-c", "import sys; print(*sys.version_info[:2])"])
    return tuple(int(part) for part in text.split()) if text else None


def read_stamps():
    try:
        return json.loads(STAMPS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def digest(name):
    return hashlib.sha256((ROOT / name).read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
