"""The story that `make run` tells, one chapter per module."""
