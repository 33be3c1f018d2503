"""A job becomes items: pages are read, cut into letters, and each letter's address and paper are checked."""
