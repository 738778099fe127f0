"""Who is speaking: a small classifier of voices, and how it is trained."""
