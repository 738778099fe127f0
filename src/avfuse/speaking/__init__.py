"""Faces that speak: scene, speaker, speech; whole files and streams."""
