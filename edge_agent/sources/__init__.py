"""Where samples come from: replayed records, the embedded excerpt, serial boards."""
