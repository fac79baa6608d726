"""The pure core that the daemon, the clinic's service and the trainer share: items in, items out."""

__version__ = "0.1.0"
