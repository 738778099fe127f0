"""How the generator is run: eager, compiled, captured."""
