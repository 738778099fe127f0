"""The small networks that come with the library, and how they are trained."""
