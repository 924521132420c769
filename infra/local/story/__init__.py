"""Chapters of `make run`, one in each module."""
