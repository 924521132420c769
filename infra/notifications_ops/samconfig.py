"""Reads samconfig.toml and merges parameters given by hand into a stage's own.

`sam deploy --parameter-overrides` replaces the configured list instead of adding to it, so one parameter on the command
line would lose all others. Every deploy takes its parameters from here instead.
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
    """The [<stage>.deploy.parameters] table, or an exit that names the stages there are."""
    config = tomllib.loads(FILE.read_text())
    if stage not in config:
        known = ", ".join(name for name in config if name != "version")
        raise SystemExit(f"no stage '{stage}' in samconfig.toml, which knows: {known}")
    return config[stage]["deploy"]["parameters"]


def parameters(stage, by_hand=""):
    """Template parameters of a stage as a dict; `by_hand` ("Key=value Key=value") goes before samconfig's."""
    merged = {}
    for pair in [*deploy_settings(stage)["parameter_overrides"], *shlex.split(by_hand)]:
        key, separator, value = pair.partition("=")
        if not separator:
            raise SystemExit(f"a parameter reads Key=value, not '{pair}'")
        merged[key] = value
    return merged


def overrides(values):
    """The same dict as arguments of --parameter-overrides, quoted, or SAM drops empty values and cuts at a space."""
    quoted = {key: value.replace("\\", "\\\\").replace('"', '\\"') for key, value in values.items()}
    return [f'ParameterKey={key},ParameterValue="{value}"' for key, value in quoted.items()]
