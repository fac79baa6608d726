"""The ladder of backends: admission, selection, TensorRT in a child process, the engine cache."""
