"""Carriers: whoever takes a piece from us. One provider is one file, in both directions; ADDING.md says how."""
