"""Questions scored: what is refused, what is answered and in which sentences, and how well answers are found."""
