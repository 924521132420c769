"""Settings of a local stack: its folder, port, region, and the environment of its processes."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

REGION = "eu-west-1"
STAGE = "local"
HOST = "127.0.0.1"
DEFAULT_PORT = 4566


class LocalStack:
    """One local stack. Several run at once, each on its own port and in a folder named after the port."""

    def __init__(self, port=None):
        self.port = int(port or os.environ.get("LOCAL_PORT") or DEFAULT_PORT)
        self.folder = ROOT / ("target/local" if self.port == DEFAULT_PORT else f"target/local-{self.port}")
        # AWS endpoint of the functions. `make faults` puts a proxy here.
        self.endpoint_for_functions = self.endpoint

    @property
    def endpoint(self):
        return f"http://{HOST}:{self.port}"

    @property
    def pid_file(self):
        return self.folder / "ministack.pid"

    @property
    def log_file(self):
        return self.folder / "ministack.log"

    @property
    def scratch(self):
        return self.folder / "tmp"

    @property
    def template(self):
        return self.folder / "template.yaml"

    @property
    def stack_file(self):
        return self.folder / "stack.json"

    def environment(self):
        """Minimal environment: ministack passes it on to the functions, which must not get more variables than on AWS."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        return {
            **kept,
            "TMPDIR": str(self.scratch),
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def print_progress(text):
    """Prints one line of progress, flushed at once."""
    print(text, flush=True)
