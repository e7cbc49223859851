"""Publishes a test picture and a tone over WHIP with GStreamer's webrtcbin: gstreamer_whip.py URL SECONDS

webrtcbin makes itself a certificate, which is told; it is RSA, and the reason why peers with RSA certificates must work.
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=peer bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1
  ! vp8enc deadline=1 cpu-used=8 target-bitrate=400000 keyframe-max-dist=50
  ! rtpvp8pay picture-id-mode=15-bit ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
audiotestsrc is-live=true wave=sine freq=440 ! audio/x-raw,rate=48000,channels=2 ! opusenc
  ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
"""


def say(**line):
    print(json.dumps(line), flush=True)


class Publisher:
    def __init__(self, url):
        self.url = url
        self.location = None
        self.failed = False
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE)
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("notify::connection-state", self.connection)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.broken)

    def run(self, seconds):
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add_seconds(seconds, self.finish)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        return 1 if self.failed else 0

    def negotiate(self, peer):
        for place in range(2):
            transceiver = peer.emit("get-transceiver", place)
            if transceiver:
                transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
                transceiver.set_property("do-nack", True)
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise):
        # The description lives inside the reply, so the reply must outlive it.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.peer.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self, peer, _property):
        # No trickle: the offer goes out whole.
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.location:
            GLib.idle_add(self.post)

    def post(self):
        offer = self.peer.get_property("local-description").sdp.as_text()
        request = urllib.request.Request(self.url, offer.encode(), {"Content-Type": "application/sdp"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.location = urllib.parse.urljoin(self.url, answer.headers["Location"])
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            return self.give_up(f"{error.code} {error.read().decode()}", offer)
        except OSError as error:
            return self.give_up(str(error), offer)
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.peer.emit("set-remote-description", answer, Gst.Promise.new())
        return False

    def connection(self, peer, _property):
        state = peer.get_property("connection-state")
        say(state=state.value_nick)
        if state == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            sender = peer.emit("get-transceiver", 0).get_property("sender")
            say(certificate=sender.get_property("transport").get_property("certificate"))

    def broken(self, _bus, message):
        error, detail = message.parse_error()
        self.give_up(f"{error.message}: {detail}", "")

    def give_up(self, error, offer):
        say(error=error, offer=offer)
        self.failed = True
        self.loop.quit()
        return False

    def finish(self):
        if self.location:
            request = urllib.request.Request(self.location, method="DELETE")
            with urllib.request.urlopen(request, timeout=10) as answer:
                say(deleted=answer.status)
        self.loop.quit()
        return False


if __name__ == "__main__":
    Gst.init(None)
    sys.exit(Publisher(sys.argv[1]).run(int(sys.argv[2])))
