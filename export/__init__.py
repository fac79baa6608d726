"""At an engineer's desk: data sets, training, evaluation, release of model bundles."""
