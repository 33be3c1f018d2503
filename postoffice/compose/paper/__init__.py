"""Paper around the letter: letterheads, address sheets, inserts."""
