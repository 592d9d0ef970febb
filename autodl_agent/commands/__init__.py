"""The command line: one file a command. The only part that prints."""

from autodl_agent.commands.entry_point import main

__all__ = ["main"]
