"""The sounds of the synthetic language, and how the mouth looks while it makes them."""

from typing import NamedTuple


class Phone(NamedTuple):
    """One sound: what is heard and what is seen.

    Attributes:
        formants: F1, F2, F3 of an average adult, Hz; of consonants, where they bend the vowels to.
        voicing: level of the voiced part, amplitude, 1 for a vowel.
        noise: level of the noise, amplitude.
        band: centre and width of the noise, Hz.
        aperture: distance of the inner lips, 0 shut to 1 as wide as it gets.
        spread: width of the mouth, -1 rounded to 1 spread.
        tongue: height of the tongue, 0 to 1.
        tuck: lower lip against the upper teeth, 0 to 1.
        shut: 1 where the lips must touch, whatever the neighbours do.
        seconds: shortest and longest duration.
    """

    formants: tuple[float, float, float]
    voicing: float
    noise: float
    band: tuple[float, float]
    aperture: float
    spread: float
    tongue: float
    tuck: float
    shut: float
    seconds: tuple[float, float]


_FLAT = (3000.0, 4000.0)
_VOWEL, _SHORT = (0.09, 0.24), (0.05, 0.1)

PAUSE = "_"
"""The name of silence."""

VOWELS = ("a", "e", "i", "o", "u", "@")
"""Vowels' names; `@` is schwa."""

PHONES: dict[str, Phone] = {
    PAUSE: Phone((500.0, 1500.0, 2500.0), 0.0, 0.0, _FLAT, 0.0, 0.0, 0.2, 0.0, 1.0, (0.2, 0.6)),
    "a": Phone((750.0, 1150.0, 2450.0), 1.0, 0.0, _FLAT, 1.0, 0.0, 0.1, 0.0, 0.0, _VOWEL),
    "e": Phone((530.0, 1840.0, 2480.0), 1.0, 0.0, _FLAT, 0.6, 0.6, 0.5, 0.0, 0.0, _VOWEL),
    "i": Phone((280.0, 2290.0, 3010.0), 1.0, 0.0, _FLAT, 0.28, 1.0, 0.8, 0.0, 0.0, _VOWEL),
    "o": Phone((480.0, 850.0, 2400.0), 1.0, 0.0, _FLAT, 0.58, -0.7, 0.2, 0.0, 0.0, _VOWEL),
    "u": Phone((310.0, 800.0, 2240.0), 1.0, 0.0, _FLAT, 0.24, -1.0, 0.3, 0.0, 0.0, _VOWEL),
    "@": Phone((500.0, 1500.0, 2500.0), 1.0, 0.0, _FLAT, 0.42, 0.0, 0.3, 0.0, 0.0, (0.05, 0.12)),
    "m": Phone((250.0, 1000.0, 2200.0), 0.6, 0.0, _FLAT, 0.0, 0.0, 0.2, 0.0, 1.0, (0.07, 0.13)),
    "b": Phone((200.0, 800.0, 2200.0), 0.25, 0.0, _FLAT, 0.0, 0.0, 0.2, 0.0, 1.0, (0.06, 0.11)),
    "p": Phone((300.0, 800.0, 2200.0), 0.0, 0.0, _FLAT, 0.0, 0.0, 0.2, 0.0, 1.0, (0.07, 0.12)),
    "h": Phone(
        (500.0, 1300.0, 2500.0),
        0.1,
        0.35,
        (1500.0, 1500.0),
        0.3,
        0.0,
        0.2,
        0.0,
        0.0,
        (0.025, 0.045),
    ),
    "f": Phone(
        (350.0, 1100.0, 2300.0), 0.0, 0.2, (4500.0, 4000.0), 0.07, 0.2, 0.2, 1.0, 0.0, (0.07, 0.13)
    ),
    "s": Phone(
        (350.0, 1700.0, 2600.0), 0.0, 0.45, (6000.0, 1100.0), 0.16, 0.5, 0.7, 0.0, 0.0, (0.07, 0.14)
    ),
    "S": Phone(
        (350.0, 1700.0, 2500.0), 0.0, 0.5, (3400.0, 800.0), 0.26, -0.7, 0.6, 0.0, 0.0, (0.07, 0.14)
    ),
    "t": Phone((350.0, 1750.0, 2650.0), 0.0, 0.0, _FLAT, 0.22, 0.2, 1.0, 0.0, 0.0, (0.04, 0.07)),
    "l": Phone((380.0, 1250.0, 2700.0), 0.7, 0.0, _FLAT, 0.35, 0.1, 1.0, 0.0, 0.0, _SHORT),
    "n": Phone((270.0, 1600.0, 2600.0), 0.55, 0.0, _FLAT, 0.24, 0.2, 1.0, 0.0, 0.0, _SHORT),
    "w": Phone((300.0, 700.0, 2200.0), 0.8, 0.0, _FLAT, 0.16, -1.0, 0.2, 0.0, 0.0, _SHORT),
}
"""Every phone by name."""

ONSETS = (
    *(("m",), ("b",), ("p", "h"), ("f",), ("s",), ("S",)),
    *(("t", "h"), ("l",), ("n",), ("w",), ("s", "p"), ("m",), ()),
)
"""How a syllable may begin."""

CODAS = ((), (), (), ("n",), ("m",), ("s",), ("l",), ("p", "h"), ("f",))
"""How a syllable may end."""
