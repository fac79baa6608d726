"""Training the front end of the ECG."""
