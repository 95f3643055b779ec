"""Handlers of artifacts, as messages and as files: importing it registers them."""

from . import files, messages

__all__ = ["files", "messages"]
