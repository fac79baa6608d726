"""Words of a language model: pairs that teach them, the tuning of an adapter, and what its texts are worth."""
