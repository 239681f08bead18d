"""How the commands take secrets: never as arguments, which every user of a machine sees."""

import sys

import click


def read_secret(name: str) -> str:
    """Return the next line of stdin, or what somebody types unseen; empty where there is none."""
    if sys.stdin.isatty():
        typed: str = click.prompt(name, default="", hide_input=True, show_default=False, err=True)
        return typed.strip()
    return sys.stdin.readline().strip()
