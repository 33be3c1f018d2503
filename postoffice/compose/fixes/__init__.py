"""What can be done about findings: fixes are offered, shown before and after, and applied to pages of a document."""
