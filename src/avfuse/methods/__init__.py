"""Whole methods, a folder each; found by themselves, met through avfuse.method.Method."""
