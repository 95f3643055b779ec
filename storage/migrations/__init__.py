"""Alembic's folder; the revisions are in ``versions``, numbered, never edited once released."""
