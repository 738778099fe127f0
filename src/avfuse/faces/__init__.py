"""Faces: where the network looks. Trackers behind one protocol, the crop, smoothing over time."""
