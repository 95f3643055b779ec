"""Handlers of artifacts. The import of this package registers them.

- ``messages``: RPCs: listings, multipart uploads, presigned URLs
- ``deletion``: deletion to the trash, restoration of a run's files
- ``files``: file transfers: uploads, downloads, archives
"""

from . import deletion, files, messages

__all__ = ["deletion", "files", "messages"]
