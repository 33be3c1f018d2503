"""The office attacked: bombs, forged addresses, leaks, mutated bytes."""
