"""Deploys the real template.yaml to the local AWS with `sam deploy`.

What `sam build` would do for AWS is done here with the binaries that `make build` made: a copy of the template in which
only each CodeUri differs (and the alarms' template, beside it in the repository, gets its full path).
"""

import re
import subprocess
import time

import samconfig
from settings import ROOT, STAGE

SAM = ROOT / "target/venv/sam/bin/sam"
CODE_URI = re.compile(r"^(\s+CodeUri: )functions/(\w+)$", re.MULTILINE)
NESTED = re.compile(r"^(\s+TemplateURL: )(infra/\S+)$", re.MULTILINE)


def write_template(place):
    """Points every function at target/lambda/<name>, and says which binary is missing."""
    source = (ROOT / "template.yaml").read_text()
    names = [name for _, name in CODE_URI.findall(source)]
    for name in names:
        if not (binaries() / name / "bootstrap").exists():
            raise SystemExit(f"target/lambda/{name}/bootstrap is missing: make build")
    source = CODE_URI.sub(lambda found: f"{found[1]}{binaries() / found[2]}", source)
    place.template.write_text(NESTED.sub(lambda found: f"{found[1]}{ROOT / found[2]}", source))


def binaries():
    return ROOT / "target/lambda"


def deploy(place, by_hand):
    """Runs `sam deploy`; its output goes to a file that is shown only when it fails."""
    log = place.folder / "deploy.log"
    values = samconfig.parameters(STAGE, by_hand)
    command = [
        str(SAM), "deploy", "--template-file", str(place.template), "--config-file", str(ROOT / "samconfig.toml"),
        "--config-env", STAGE, "--no-progressbar", "--parameter-overrides", *samconfig.overrides(values),
    ]
    environment = {**place.environment(), "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
    began = time.monotonic()
    with open(log, "w") as output:
        code = subprocess.run(command, env=environment, cwd=place.folder, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT).returncode
    if code:
        raise SystemExit(f"sam deploy failed; all of it is in {log}\n{_reasons(log)}\n{_reasons(place.log_file)}")
    return time.monotonic() - began


def _reasons(log):
    """The lines that say why, out of some hundred that say what was created."""
    return "\n".join(line for line in log.read_text().splitlines() if re.search("ERROR|Error:|FAILED", line))
