"""The one judge: used by the trainer, the tests, the gates and the docs."""
