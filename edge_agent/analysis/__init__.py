"""The one thread that owns pipeline, recording and alarms, and what feeds it."""
