"""Operator's tool: one command with a subcommand for each task, on real AWS and on the local stack."""
