"""Whom we write to: telling that two items are for the same person."""
