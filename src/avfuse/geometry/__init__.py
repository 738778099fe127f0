"""Where a face is and how it lies: points, boxes, maps, lips, pose, in space. No network."""
