"""Methods that the tasks of the electroencephalogram share."""
