"""Settings, logging, metrics, doctor, watchdog."""
