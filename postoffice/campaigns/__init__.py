"""Campaigns: who gets them, when, how fast, who approved them, and what a test of them proves. Pure: no clock, no database."""
