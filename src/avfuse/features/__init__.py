"""What the two modalities become before they meet: mel windows, audio and face features."""
