"""The daemon, put together: its parts, and what none of them can do alone."""
