"""Tests of the mail of campaigns."""
