"""The alarm state machine and the technical findings of the daemon itself."""
