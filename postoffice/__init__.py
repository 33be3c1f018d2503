"""The private electronic post office: one mailing in, every recipient reached, all news back."""

__version__ = "0.1.0"
