"""News comes back: what it means for a delivery, its item and its address."""
