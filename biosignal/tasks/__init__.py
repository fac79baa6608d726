"""What can be asked of a recording: one folder and one line a task."""
