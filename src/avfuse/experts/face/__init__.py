"""The face in space: how its triangles and its linear model are learnt from labels with depth."""
