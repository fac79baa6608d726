"""The EEG in numbers over hours: its spectrum, its amplitude, and how far it is suppressed."""
