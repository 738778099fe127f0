"""Portraits that speak: pictures of many people, driven by the lips of a few who were filmed."""
