"""Speaks one sentence with libespeak-ng, in a process of its own, and tells when each word of it begins.

A process for each sentence, as the command line is: the library keeps state from one sentence to the next (the samples
of a second one differ by some), and ending it in between hangs. The structures are those of espeak-ng's speak_lib.h.
"""

import ctypes
import json
import sys
from typing import Any

LIBRARY = "libespeak-ng.so.1"
AUDIO_OUTPUT_SYNCHRONOUS = 2
EVENT_LIST_TERMINATED, EVENT_WORD = 0, 1
RATE, PITCH = 1, 3
POS_CHARACTER = 1
# As the command line asks, so that the samples are the same.
CHARS_AUTO_PHONEMES_ENDPAUSE = 0x1100
NO_LIBRARY = 3


class Identifier(ctypes.Union):
    """`espeak_EVENT.id`."""

    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class Event(ctypes.Structure):
    """`espeak_EVENT`: `text_position` counts characters from 1, `audio_position` milliseconds of the output."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", Identifier),
    )


class Voice(ctypes.Structure):
    """`espeak_VOICE`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def main() -> int:
    """`voice speed pitch text` → a line of JSON {rate_hz, words: [[position, length, ms]]}, then 16-bit samples."""
    voice, speed, pitch, text = sys.argv[1:]
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        print(error, file=sys.stderr)
        return NO_LIBRARY
    rate_hz = library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, None, 0)
    collected = Collected()
    # Held here, as the library does not: what is collected by a callback that is gone crashes.
    callback = Callback(collected.take)
    library.espeak_SetSynthCallback(callback)
    choose_voice(library, voice)
    library.espeak_SetParameter(RATE, int(speed), 0)
    library.espeak_SetParameter(PITCH, int(pitch), 0)
    content = text.encode() + b"\0"
    library.espeak_Synth(content, len(content), 0, POS_CHARACTER, 0, CHARS_AUTO_PHONEMES_ENDPAUSE, None, None)
    library.espeak_Synchronize()
    head = json.dumps({"rate_hz": rate_hz, "words": collected.words}).encode()
    sys.stdout.buffer.write(head + b"\n" + collected.samples)
    return 0


class Collected:
    """What the library hands over, piece by piece."""

    def __init__(self) -> None:
        self.samples = bytearray()
        self.words: list[tuple[int, int, int]] = []

    def take(self, wave: Any, count: int, events: Any) -> int:
        """`t_espeak_callback`: 0 asks for more."""
        if wave and count > 0:
            self.samples += ctypes.string_at(wave, 2 * count)
        place = 0
        while (event := events[place]).type != EVENT_LIST_TERMINATED:
            if event.type == EVENT_WORD:
                self.words.append((event.text_position, event.length, event.audio_position))
            place += 1
        return 0


def choose_voice(library: Any, voice: str) -> None:
    """By its name, else by its language, as the command line does."""
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        library.espeak_SetVoiceByProperties(ctypes.byref(Voice(languages=voice.encode())))


if __name__ == "__main__":
    sys.exit(main())
