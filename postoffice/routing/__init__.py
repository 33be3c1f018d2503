"""From what is known of an item to its plan and its price. Pure: no await, no clock of its own, no network."""
