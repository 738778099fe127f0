"""What is heard: mel spectrograms, whole or in pieces, and cepstra. No network."""
