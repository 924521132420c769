"""`make up`: starts a local stack and docs/example-site, and leaves both running."""

import json
import os

import example
import settings
import stack

if __name__ == "__main__":
    local_stack = settings.LocalStack()
    stack.up(local_stack, os.environ.get("PARAMS", ""))
    example.start(local_stack)
    console = json.loads(local_stack.stack_file.read_text())["console"]
    if console:
        admin = console["people"]["admin"]
        settings.print_progress(f"web console: {console['url']}, as {admin['name']} with the password {admin['password']} "
                                "(or as viewer@, sender@, editor@, approver@example.com)")
