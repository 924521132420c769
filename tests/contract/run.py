"""Runs Schemathesis on a local stack: requests are generated from docs/openapi.yaml, and responses compared with it.

    python infra/local/with_stack.py python tests/contract/run.py       (make contract)

No response may be a 5xx, or have a status, content type, header or body that the contract does not name. A request that
the contract does not allow must not succeed. SECONDS_OF_CONTRACT (300) limits the run. SHORT=1 takes 40 seconds and
always makes the same requests.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "infra/local")]

from story.deployed import Deployed  # noqa: E402

PROGRAM = ROOT / "target/venv/contract/bin/st"
SETTINGS = ROOT / "tests/contract/schemathesis.toml"
CONTRACT = ROOT / "docs/openapi.yaml"
PLACE = ROOT / "target/contract"
IS_SHORT = bool(os.environ.get("SHORT"))
SECONDS = "40" if IS_SHORT else os.environ.get("SECONDS_OF_CONTRACT", "300")


def main():
    stack = Deployed.from_environment()
    PLACE.mkdir(parents=True, exist_ok=True)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if os.environ.get(name)},
        **{f"{scope.upper()}_TOKEN": stack.token(scope) for scope in ("send", "recipients", "ops")},
        "NO_PROXY": "*", "SCHEMATHESIS_HOOKS": "",
    }
    command = [str(PROGRAM), "--config-file", str(SETTINGS), "run", str(CONTRACT), "--url", stack.api_url,
               "--max-time", SECONDS, "--generation-database", "none", "--no-color"]
    if IS_SHORT:
        command += ["--seed", "1", "--phases", "examples,fuzzing", "--max-examples", "5"]
    raise SystemExit(subprocess.run(command, cwd=PLACE, env=environment).returncode)


if __name__ == "__main__":
    main()
