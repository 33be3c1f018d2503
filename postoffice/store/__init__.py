"""Where things are kept: rows (SQLite or PostgreSQL), documents on disk, and the bell that wakes workers."""
