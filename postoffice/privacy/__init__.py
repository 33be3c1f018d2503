"""What people allow and ask: the consent ledger. Pure; the store keeps the entries."""
