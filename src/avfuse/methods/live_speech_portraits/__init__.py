"""Live Speech Portraits: Real-Time Photorealistic Talking-Head Animation (paper 004).

Lu, Chai and Cao; 2021. One person speaks, live, from sound alone: sound, told in the person's own
speech, moves a mouth and a head, and a network draws the person after them. Section and equation
numbers in this package are that paper's.
"""

from avfuse.methods.live_speech_portraits.method import LiveSpeechPortraits

METHOD = LiveSpeechPortraits
"""Fig. 2: from sound to motion, and from motion to frames."""

__all__ = ["METHOD", "LiveSpeechPortraits"]
