"""The one scorer: used by the trainer, the tests, the gates and the docs."""
