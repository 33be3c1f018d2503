"""PDF tools that know no letter: open, text in a box, raster, cut, convert, OCR. Synchronous, made for child processes."""
