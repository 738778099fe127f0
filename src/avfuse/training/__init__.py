"""What every training has in common: stages, losses, adversaries, samples, runs."""
