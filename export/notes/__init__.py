"""How well the sorting of notes does on a public set of medical notes."""
