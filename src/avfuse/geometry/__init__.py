"""Where a face is and how it lies: points, boxes, pose; its model in space. No network."""
