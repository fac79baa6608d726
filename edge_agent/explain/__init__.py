"""A finding in plain words: the template, and a language model locked to the evidence."""
