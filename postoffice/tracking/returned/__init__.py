"""Paper that comes back: what a reason does, what houses call it, whose envelope a picture shows."""
