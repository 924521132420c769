"""Deploys the real templates to the local AWS with `sam deploy`: infra/data.yaml first, then template.yaml.

What `sam build` would do for AWS is done here with the binaries that `make build` made: a copy of template.yaml in which
only each CodeUri differs (and the nested templates, beside it in the repository, get their full paths). Each CodeUri is a ZIP
file that is made once for all stacks of a build: `sam deploy` would compress 300 MB for each stack, 18 s of a processor.
The copy is JSON: SAM reads it a dozen times, and YAML costs it half a second each time.
"""

import json
import os
import re
import subprocess
import tempfile
import time
import zipfile

from samtranslator.yaml_helper import yaml_parse

from settings import ROOT, STAGE

from notifications_ops import data_stack, samconfig

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
    packages = {name: package(name) for name in names}
    source = CODE_URI.sub(lambda found: f"{found[1]}{packages[found[2]]}", source)
    source = NESTED.sub(lambda found: f"{found[1]}{ROOT / found[2]}", source)
    place.template.write_text(json.dumps(yaml_parse(source), indent=1, default=str))


def binaries():
    return ROOT / "target/lambda"


def package(name):
    """The ZIP file of a function, made anew when its binary is newer. Stacks may start side by side, so it appears whole."""
    binary, made = binaries() / name / "bootstrap", binaries() / f"{name}.zip"
    if made.exists() and made.stat().st_mtime_ns > binary.stat().st_mtime_ns:
        return made
    descriptor, unfinished = tempfile.mkstemp(dir=binaries(), prefix=f"{name}.")
    with os.fdopen(descriptor, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.write(binary, binary.name)
    os.replace(unfinished, made)
    return made


def deploy(place, by_hand, cloudformation):
    """Deploys both stacks and returns the seconds that it took."""
    values = samconfig.parameters(STAGE, by_hand)
    of_functions = samconfig.deploy_settings(STAGE)["stack_name"]
    of_data = data_stack.values(STAGE, has_pool=not values.get("JwtIssuer"))
    seconds = _deploy(place, data_stack.stack_name(of_functions), data_stack.TEMPLATE, samconfig.overrides(of_data))
    values |= data_stack.parameters(data_stack.read(cloudformation, of_functions).outputs)
    return seconds + _deploy(place, of_functions, place.template, samconfig.overrides(values))


def _deploy(place, stack_name, template, overrides):
    """Runs `sam deploy`; its output goes to a file that is shown only when it fails."""
    log = place.folder / f"deploy-{stack_name}.log"
    command = [
        str(SAM), "deploy", "--template-file", str(template), "--config-file", str(samconfig.FILE),
        "--config-env", STAGE, "--stack-name", stack_name, "--no-progressbar", "--parameter-overrides", *overrides,
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
