"""A record analysed from beginning to end, and its reports."""
