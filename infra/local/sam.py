"""Deploys the real templates to the local AWS with `sam deploy`: infra/data.yaml first, then template.yaml.

This module replaces `sam build`. It uses the binaries of `make build`, and writes a copy of template.yaml. In the copy,
each CodeUri is a ZIP file, nested templates have their full paths, and types that ministack does not have are left out.
The ZIP files are made once for all stacks of a build. Otherwise `sam deploy` would compress 300 MB for each stack (18 s
of processor time). The copy is JSON: SAM reads the file about twelve times, and parsing YAML takes half a second each
time.
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
# Types that ministack does not have. Nothing refers to their resources.
LEFT_OUT = ("AWS::Cognito::ManagedLoginBranding",)
NESTED = re.compile(r"^(\s+TemplateURL: )(infra/\S+)$", re.MULTILINE)


def write_template(local_stack):
    """Writes the copy of template.yaml. Exits with the name of a missing binary."""
    source = (ROOT / "template.yaml").read_text()
    names = [name for _, name in CODE_URI.findall(source)]
    for name in names:
        if not (binaries() / name / "bootstrap").exists():
            raise SystemExit(f"target/lambda/{name}/bootstrap is missing: make build")
    packages = {name: package(name) for name in names}
    source = CODE_URI.sub(lambda found: f"{found[1]}{packages[found[2]]}", source)
    source = NESTED.sub(lambda found: f"{found[1]}{ROOT / found[2]}", source)
    template = yaml_parse(source)
    template["Resources"] = {
        name: one for name, one in template["Resources"].items() if one["Type"] not in LEFT_OUT}
    local_stack.template.write_text(json.dumps(template, indent=1, default=str))


def binaries():
    return ROOT / "target/lambda"


def package(name):
    """ZIP file of a function, made again if the binary is newer. It is renamed when complete: stacks may start at once."""
    binary, made = binaries() / name / "bootstrap", binaries() / f"{name}.zip"
    if made.exists() and made.stat().st_mtime_ns > binary.stat().st_mtime_ns:
        return made
    descriptor, unfinished = tempfile.mkstemp(dir=binaries(), prefix=f"{name}.")
    with os.fdopen(descriptor, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.write(binary, binary.name)
    os.replace(unfinished, made)
    return made


def deploy(local_stack, by_hand, cloudformation):
    """Deploys both stacks. Returns the duration in seconds."""
    values = samconfig.parameters(STAGE, by_hand)
    of_functions = samconfig.deploy_settings(STAGE)["stack_name"]
    of_data = data_stack.values(STAGE, has_pool=not values.get("JwtIssuer"))
    seconds = _deploy(local_stack, data_stack.stack_name(of_functions), data_stack.TEMPLATE, samconfig.overrides(of_data))
    values |= data_stack.parameters(data_stack.read(cloudformation, of_functions).outputs)
    return seconds + _deploy(local_stack, of_functions, local_stack.template, samconfig.overrides(values))


def _deploy(local_stack, stack_name, template, overrides):
    """Runs `sam deploy`. Its output goes to a file, and the errors are printed if it fails."""
    log = local_stack.folder / f"deploy-{stack_name}.log"
    command = [
        str(SAM), "deploy", "--template-file", str(template), "--config-file", str(samconfig.FILE),
        "--config-env", STAGE, "--stack-name", stack_name, "--no-progressbar", "--parameter-overrides", *overrides,
    ]
    environment = {**local_stack.environment(), "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "0.5"}
    began = time.monotonic()
    with open(log, "w") as output:
        code = subprocess.run(command, env=environment, cwd=local_stack.folder, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT).returncode
    if code:
        raise SystemExit(f"sam deploy failed; full log: {log}\n{_errors(log)}\n{_errors(local_stack.log_file)}")
    return time.monotonic() - began


def _errors(log):
    """Error lines of a log."""
    return "\n".join(line for line in log.read_text().splitlines() if re.search("ERROR|Error:|FAILED", line))
