"""Ground floor: the words of the trade as plain values. Standard library only; imports nothing from the house."""
