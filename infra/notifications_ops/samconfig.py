"""Reads samconfig.toml and merges parameters from the command line into those of a stage.

`sam deploy --parameter-overrides` replaces the configured list instead of adding to it. So one parameter on the command
line would remove all others. Therefore every deploy takes its parameters from this module.
"""

import pathlib
import shlex

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE = ROOT / "samconfig.toml"


def deploy_settings(stage):
    """Returns the table [<stage>.deploy.parameters]. Exits with the existing stages if there is none."""
    config = tomllib.loads(FILE.read_text())
    if stage not in config:
        known = ", ".join(name for name in config if name != "version")
        raise SystemExit(f"no stage '{stage}' in samconfig.toml; its stages: {known}")
    return config[stage]["deploy"]["parameters"]


def parameters(stage, by_hand=""):
    """Template parameters of a stage as a dict; `by_hand` ("Key=value Key=value") takes precedence over samconfig's."""
    merged = {}
    for pair in [*deploy_settings(stage)["parameter_overrides"], *shlex.split(by_hand)]:
        key, separator, value = pair.partition("=")
        if not separator:
            raise SystemExit(f"a parameter has the form Key=value, not '{pair}'")
        merged[key] = value
    return merged


def overrides(values):
    """Arguments of --parameter-overrides for a dict, quoted: SAM drops unquoted empty values and cuts at spaces."""
    quoted = {key: value.replace("\\", "\\\\").replace('"', '\\"') for key, value in values.items()}
    return [f'ParameterKey={key},ParameterValue="{value}"' for key, value in quoted.items()]
