"""Publishes a moving picture and a tone over WHIP with FFmpeg's own muxer: pyav_whip.py URL SECONDS

FFmpeg offers `setup:passive`, so the worker must be the DTLS client.
"""
import json
import math
import sys
import time
from array import array
from fractions import Fraction

import av


def say(**line):
    print(json.dumps(line), flush=True)


def main(url, seconds):
    av.logging.set_level(av.logging.INFO)
    width, height, rate, sample_rate = 320, 240, 25, 48000
    try:
        container = av.open(url, "w", format="whip")
        video = container.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        # WebRTC knows no B frames; a key frame each second lets viewers in.
        video.options = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency", "bf": "0", "g": str(rate)}
        audio = container.add_stream("libopus", rate=sample_rate)
        audio.layout = "stereo"
        container.start_encoding()
    except Exception as error:  # Whatever FFmpeg says is the news.
        say(error=f"{type(error).__name__}: {error}")
        return 1
    say(state="connected")
    start = time.monotonic()
    samples = sample_rate // 50
    sent_video = sent_audio = 0
    while (now := time.monotonic() - start) < seconds:
        if sent_video <= now * rate:
            frame = av.VideoFrame(width, height, "yuv420p")
            luma, *chroma = frame.planes
            luma.update(b"".join(bytes([(row + sent_video * 4) % 256]) * luma.line_size for row in range(height)))
            for plane in chroma:
                plane.update(b"\x80" * plane.buffer_size)
            frame.pts, frame.time_base = sent_video, Fraction(1, rate)
            container.mux(video.encode(frame))
            sent_video += 1
        if sent_audio <= now * 50:
            wave = array("h")
            for sample in range(sent_audio * samples, (sent_audio + 1) * samples):
                value = int(math.sin(2 * math.pi * 440 * sample / sample_rate) * 8000)
                wave.extend((value, value))
            frame = av.AudioFrame(format="s16", layout="stereo", samples=samples)
            frame.planes[0].update(wave.tobytes())
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, sent_audio * samples, Fraction(1, sample_rate)
            container.mux(audio.encode(frame))
            sent_audio += 1
        time.sleep(0.004)
    say(sent=[{"kind": "video", "frames": sent_video}, {"kind": "audio", "frames": sent_audio}])
    try:
        container.close()
        say(closed=True)
    except Exception as error:
        say(closed=False, reason=str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
