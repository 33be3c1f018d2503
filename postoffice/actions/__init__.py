"""What a person or a program may do, whichever door they come through: each is one transaction and tells its audit."""
