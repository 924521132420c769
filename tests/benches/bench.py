"""Benches of `make bench`: runs them and writes their output into docs/benchmarks.md, with the machine and the date.

    python3 tests/benches/bench.py              the release profile, as deployed; rewrites the part between the markers
    SHORT=1 python3 tests/benches/bench.py      few rounds of the dev build: shows that every bench runs, and writes nothing
"""

import datetime
import os
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/benchmarks.md"
BEGIN, END = "<!-- written by make bench -->", "<!-- end of what make bench writes -->"
# (bench, heading), in the order of the document.
BENCHES = (
    ("sealing", "Sealing a push"),
    ("rendering", "Rendering a template"),
    ("writes", "Write units"),
    ("campaign", "Pushes of a campaign"),
    ("pages", "Pages of the console"),
    ("start", "Start of a function"),
    ("import_rows", "Rows of an import"),
)
# Scripts in Python.
SCRIPTS = ("import_rows",)
# Packages with benches. They are always chosen together: dependencies are built once for each set of their features.
PACKAGES = ("channels", "templates", "tests")


def command(name, is_short):
    """The short form uses the features of the whole workspace, and so the dependencies that `make test` has built."""
    if name in SCRIPTS:
        return [sys.executable, str(ROOT / f"tests/benches/{name}.py")]
    chosen = ["--workspace", "--profile", "dev"] if is_short else [f"--package={package}" for package in PACKAGES]
    return ["cargo", "bench", "--locked", *chosen, "--bench", name]


def measured(name, is_short):
    """Runs a bench and prints its lines at once; returns them."""
    process = subprocess.Popen(command(name, is_short), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line.rstrip())
    if code := process.wait():
        sys.exit(code)
    if not any(lines):
        raise SystemExit(f"the bench {name} printed nothing")
    return "\n".join(lines).strip()


def machine():
    """One line: processor, cores, system, compiler, commit."""
    return ", ".join([f"{_cores()} cores of {_processor()}", f"{platform.system()} {platform.machine()}",
                      _said("rustc", "--version"), f"commit {_said('git', 'describe', '--always', '--dirty')}"])


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "an unknown processor"


def _said(*words):
    try:
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"no {words[0]}"


def rewritten(document, tables, machine_line, day):
    """The document with everything between its markers replaced."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{DOCUMENT} has lost its markers: {BEGIN} and {END}")
    parts = [f"Measured on {day}: {machine_line}."]
    parts += [f"### {heading}\n\n```text\n{table}\n```" for heading, table in tables]
    return f"{before}{begin}\n\n" + "\n\n".join(parts) + f"\n\n{end}{after}"


def main():
    is_short = bool(os.environ.get("SHORT"))
    tables = [(heading, measured(name, is_short)) for name, heading in BENCHES]
    if not is_short:
        day = datetime.date.today().isoformat()
        DOCUMENT.write_text(rewritten(DOCUMENT.read_text(), tables, machine(), day))
        print(f"written to {DOCUMENT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
