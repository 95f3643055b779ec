"""What Trackway keeps: SQLAlchemy Core tables and functions over SQLite and PostgreSQL."""
