"""Set the project up: `make setup`. Quick when there is nothing to do, safe to call at any time.

    python3 tools/setup.py               the workshop: .venv, node_modules, compiler, chains, .env
    python3 tools/setup.py --analysis    also .venv-analysis, for slither and halmos

Runs before anything is installed, with the standard library alone, and must at least parse under an old
Python, so that it can say which one to install.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
ANALYSIS = ROOT / ".venv-analysis"
MODULES = ROOT / "node_modules"
PYTHONS = ((3, 11), (3, 12))
NODE = 20
SOLC = "0.8.30"
# SHA-256 of the native compilers that the Solidity team publishes; what does not match is not used.
NATIVE_SOLC = {
    "Linux": "f3e987dc6ecebd4bd350c48edcbc320b46cf9e3109bd3fc3d88f1acaf4c428f7",
    "Darwin": "738dcdc6afddeb505ee4e4ef24f1c1fdba2b8c924e614cbbf5801a5b062dd683",
}
COMPILER_SECONDS = 60


def fail(message: str) -> NoReturn:
    """End with one line that says what to do."""
    sys.exit("setup: " + message)


def check_tools() -> None:
    """Refuse a machine that lacks Python, Node, make or git, in one line."""
    if sys.version_info[:2] not in PYTHONS:
        fail(
            "Python %d.%d does not do: install Python 3.11 or 3.12 (python.org or your system)"
            % sys.version_info[:2]
        )
    for tool in ("make", "git"):
        if shutil.which(tool) is None:
            fail(f"{tool} is missing: install {tool} with your system's package manager")
    if shutil.which("node") is None or shutil.which("npm") is None:
        fail(f"Node is missing: install Node {NODE} or newer, with npm (nodejs.org or your system)")
    found = subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.strip()
    match = re.match(r"v(\d+)\.", found)
    if match is None or int(match.group(1)) < NODE:
        fail(f"Node {found or '?'} is too old: install Node {NODE} or newer (nodejs.org or your system)")


def digest(*parts: Path | str) -> str:
    """A fingerprint of files and words: what a stamp remembers."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        state.update(b"\0")
    return state.hexdigest()


def is_stamped(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text() == value


def run(what: str, command: list[str], **variables: str) -> None:
    """Run one step of set-up in silence; when it fails show what it said, and end."""
    print(f"setup: {what}", flush=True)
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode != 0:
        print("\n".join(result.stdout.splitlines()[-30:]), file=sys.stderr)
        fail(
            f"{what}: failed, as shown above; mend it (a network to download from is needed) and run it again"
        )


def make_environment(folder: Path, *locks: str) -> None:
    """A virtual environment that holds exactly what the lock files name, checked by their hashes."""
    value = digest(*(ROOT / lock for lock in locks), platform.python_version(), platform.platform())
    python = folder / "bin" / "python"
    if is_stamped(folder / "stamp", value) and python.exists():
        return
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        fail("this Python has no venv module: install python3-venv with your system's package manager")
    if not (
        python.exists()
        and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    ):
        run(f"a virtual environment in {folder.name}", [sys.executable, "-m", "venv", "--clear", str(folder)])
    (folder / "stamp").unlink(missing_ok=True)
    for lock in locks:
        run(
            f"Python packages of {lock}",
            [
                str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                "--require-hashes", "--no-build-isolation", "--requirement", lock,
            ],
            # Compiled to C, brownie 1.22.2 misreads its own configuration.
            BROWNIE_NOCOMPILE="1",
        )  # fmt: skip
    (folder / "stamp").write_text(value)


def install_client() -> None:
    """The `troc` command, in a form that follows every edit of the source."""
    if not (ROOT / "troc").is_dir():
        return
    value = digest(ROOT / "pyproject.toml")
    stamp = VENV / "stamp-troc"
    if is_stamped(stamp, value):
        return
    run(
        "the troc command",
        [
            str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-input", "--no-index", "--no-deps", "--no-build-isolation", "--editable", ".",
        ],
    )  # fmt: skip
    stamp.write_text(value)


def install_modules() -> None:
    """npm packages, exactly as the lock file says; their install scripts are not needed and do not run."""
    value = digest(ROOT / "package-lock.json", platform.platform())
    if is_stamped(MODULES / ".stamp", value):
        return
    run("npm packages of package-lock.json", ["npm", "ci", "--ignore-scripts", "--loglevel=error"])
    (MODULES / ".stamp").write_text(value)


def link(target: Path, name: Path) -> None:
    """Make `name` a link to `target`, unless it is one already."""
    if not target.exists():
        fail(f"node_modules lacks {target.name} for this machine: delete node_modules and run it again")
    target = target.resolve()
    if name.is_symlink() and os.readlink(name) == str(target):
        return
    name.unlink(missing_ok=True)
    name.symlink_to(target)


def link_chains() -> None:
    """anvil, forge and ganache themselves on the PATH of an activated environment, not their wrappers."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    processor = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine()
    )
    if system is None or processor is None:
        fail(f"{platform.system()} on {platform.machine()} does not do: use Linux or macOS, x86-64 or arm64")
    for tool in ("anvil", "forge"):
        link(MODULES / "@foundry-rs" / f"{tool}-{system}-{processor}" / "bin" / tool, VENV / "bin" / tool)
    for name in ("ganache", "ganache-cli"):
        link(MODULES / "ganache" / "dist" / "node" / "cli.js", VENV / "bin" / name)


def answers(compiler: Path) -> bool:
    """Whether this file is a working compiler of the pinned version."""
    try:
        result = subprocess.run(
            [compiler, "--version"], capture_output=True, text=True, timeout=COMPILER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0 and f"Version: {SOLC}+" in result.stdout


def is_native(compiler: Path) -> bool:
    """Whether this file is the published compiler for this system, and works here."""
    if not compiler.is_file():
        return False
    found = hashlib.sha256(compiler.read_bytes()).hexdigest()
    return found == NATIVE_SOLC.get(platform.system()) and answers(compiler)


def install_compiler() -> None:
    """The native compiler where py-solc-x has it or can download it in a minute, else the one from npm."""
    folder = VENV / "solc"
    compiler = folder / f"solc-v{SOLC}"
    stamp = folder / "stamp"
    wrapper = ROOT / "tools" / "solc.js"
    if is_stamped(stamp, SOLC) and compiler.exists():
        return
    folder.mkdir(exist_ok=True)
    compiler.unlink(missing_ok=True)
    present = Path.home() / ".solcx" / compiler.name
    if is_native(present):
        shutil.copy(present, compiler)
    else:
        print("setup: the Solidity compiler", flush=True)
        script = f"import solcx; solcx.install_solc('{SOLC}', False, solcx_binary_path={str(folder)!r})"
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [VENV / "bin" / "python", "-c", script],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=COMPILER_SECONDS,
            )
        if not is_native(compiler):
            link(wrapper, compiler)
    if not answers(compiler):
        fail("no working Solidity compiler: delete .venv/solc and node_modules, and run it again")
    stamp.write_text(SOLC)


def install_hook() -> None:
    """Let every Python of the environment import tools/environment.py when it starts."""
    library = VENV / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"
    for name, content in (
        ("troc_environment.py", (ROOT / "tools" / "environment.py").read_text()),
        ("troc_environment.pth", "import troc_environment\n"),
    ):
        file = library / name
        if not file.is_file() or file.read_text() != content:
            file.write_text(content)


def main() -> None:
    parser = argparse.ArgumentParser(description="Set the project up.")
    parser.add_argument("--analysis", action="store_true", help="also what slither and halmos need")
    arguments = parser.parse_args()
    check_tools()
    # Two runs of make at once must not install over each other.
    with (ROOT / "Makefile").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        # What is itself a link belongs to another copy of the project, which sets it up.
        if not MODULES.is_symlink():
            install_modules()
        if not VENV.is_symlink():
            make_environment(VENV, "requirements-build.lock", "requirements.lock")
            link_chains()
            install_compiler()
            install_hook()
            install_client()
        if arguments.analysis:
            make_environment(ANALYSIS, "requirements-analysis.lock")
        if not (ROOT / ".env").exists():
            shutil.copy(ROOT / ".env.example", ROOT / ".env")


if __name__ == "__main__":
    main()
