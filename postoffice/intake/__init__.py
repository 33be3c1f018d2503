"""Jobs arrive: the virtual printer, uploads, the watched folder. All of them hand their bytes to the reception."""
