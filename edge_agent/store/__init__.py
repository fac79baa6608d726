"""What the daemon keeps: events.db and waveforms.db."""
