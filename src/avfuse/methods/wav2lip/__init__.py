"""Wav2Lip."""
