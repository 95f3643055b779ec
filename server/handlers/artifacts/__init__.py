"""Handlers of artifacts. The import of this package registers them.

- ``messages``: RPCs: listings, deletion, multipart uploads, presigned URLs
- ``files``: file transfers: uploads, downloads, archives
"""

from . import files, messages

__all__ = ["files", "messages"]
