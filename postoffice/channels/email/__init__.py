"""E-mail carriers, and what they share: addresses, the message, its signature."""
