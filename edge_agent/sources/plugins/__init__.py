"""Sources that need a library which is not part of the base installation; each is a plug-in as any other."""
