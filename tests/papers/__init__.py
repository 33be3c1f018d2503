"""Papers to test with: PDFs named by their defect, and merges whose truth is known."""
