"""How large and how fast a bundle is in each form in which it could be deployed, and what each form costs."""
