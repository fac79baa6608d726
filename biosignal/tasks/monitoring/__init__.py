"""What the daemon says of itself: its source, its store, its queues, its tasks."""
