"""Checks the types of client.d.ts with a sample that uses all of them. It requires Node.js, and installs TypeScript.

    python tests/browser/types/check.py        (make types)
"""

import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
TYPES = ROOT / "functions" / "track" / "src" / "client" / "client.d.ts"
TYPESCRIPT = "typescript@5.9.3"
FOLDER = ROOT / "target" / "types"
STRICT = ["--noEmit", "--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022",
          "--module", "nodenext", "--lib", "es2022,dom"]


def main():
    if not (shutil.which("node") and shutil.which("npm")):
        print("not checked: types of the client scripts, because npm is not installed (Debian: apt-get install nodejs npm)")
        return 0
    compiler = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not compiler.exists():
        subprocess.run(["npm", "install", "--silent", "--no-save", "--no-audit", "--no-fund", "--prefix", FOLDER, TYPESCRIPT],
                       check=True, cwd=FOLDER)
    site = FOLDER / "site"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir()
    shutil.copy(TYPES, site / "notifications.d.mts")
    shutil.copy(HERE / "sample.ts", site / "sample.mts")
    code = subprocess.run(["node", compiler, *STRICT, "sample.mts"], cwd=site).returncode
    print("the types of the client scripts are correct" if code == 0 else "the types of the client scripts are wrong")
    return code


if __name__ == "__main__":
    sys.exit(main())
