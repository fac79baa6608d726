"""What the heartbeats make together: rates, runs, silence, irregularity."""
