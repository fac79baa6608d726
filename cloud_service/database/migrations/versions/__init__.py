"""One file per revision of the schema, never edited after its release."""
