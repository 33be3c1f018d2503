"""Maileva, the print house of La Poste: simple mail (Mail API 2.9) and registered mail (4.9)."""
