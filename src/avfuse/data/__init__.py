"""Training data: clips, pairs, augmentation, and faces that never were."""
