"""The analysis as a stream: stages, the one merge, the pipeline."""
