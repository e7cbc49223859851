// WHIP and WHEP in as few lines as possible, so that a test of the worker does not depend on its page.
const raw = {
  sessions: {},

  // Publishes the fake camera and microphone as `name`.
  async publish(name, url, { codec, width = 640, height = 480, rate = 30, audio = true, video = true, token, tcp } = {}) {
    const media = await navigator.mediaDevices.getUserMedia({
      audio, video: video && { width, height, frameRate: rate },
    });
    const pc = new RTCPeerConnection();
    for (const track of media.getTracks()) {
      const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [media] });
      if (track.kind === 'video' && codec) raw.prefer(transceiver, 'video', codec);
    }
    return await raw.offer(name, pc, url, token, media, tcp);
  },

  // Watches as `name` and plays what comes.
  async watch(name, url, { codec, token, tcp } = {}) {
    const pc = new RTCPeerConnection();
    const element = document.getElementById('picture') ?? document.body.appendChild(document.createElement('video'));
    element.autoplay = true;
    const media = element.srcObject = new MediaStream();
    pc.ontrack = event => { media.addTrack(event.track); element.play().catch(() => {}); };
    pc.addTransceiver('audio', { direction: 'recvonly' });
    const video = pc.addTransceiver('video', { direction: 'recvonly' });
    if (codec) raw.prefer(video, 'video', codec);
    return await raw.offer(name, pc, url, token, null, tcp);
  },

  // Leaves `codec` (and what repairs it) alone in the offer.
  prefer(transceiver, kind, codec) {
    const capable = transceiver.direction === 'recvonly' ? RTCRtpReceiver : RTCRtpSender;
    const all = capable.getCapabilities(kind).codecs;
    const wanted = all.filter(c => c.mimeType.toLowerCase() === `${kind}/${codec}`.toLowerCase());
    if (!wanted.length) throw new Error(`this browser has no ${codec}`);
    transceiver.setCodecPreferences([...wanted, ...all.filter(c => /\/(rtx|red|ulpfec)$/i.test(c.mimeType))]);
  },

  // With `tcp`, nothing but the answer's candidates over TCP is left.
  async offer(name, pc, url, token, media, tcp) {
    const states = [];
    pc.onconnectionstatechange = () => states.push(pc.connectionState);
    await pc.setLocalDescription();
    const headers = { 'content-type': 'application/sdp', ...(token && { authorization: `Bearer ${token}` }) };
    const answer = await fetch(url, { method: 'POST', headers, body: pc.localDescription.sdp });
    const text = await answer.text();
    if (answer.status !== 201) {
      pc.close();
      throw new Error(`POST ${url}: ${answer.status} Retry-After=${answer.headers.get('retry-after')} ${text}`);
    }
    const location = new URL(answer.headers.get('location'), url).href;
    raw.sessions[name] = { pc, location, token, media, states, offer: pc.localDescription.sdp, answer: text };
    const overTcp = line => !/^a=candidate:/.test(line) || / tcptype passive/.test(line);
    const sdp = tcp ? text.split('\r\n').filter(overTcp).join('\r\n') : text;
    await pc.setRemoteDescription({ type: 'answer', sdp });
    return { location, etag: answer.headers.get('etag') };
  },

  // Resolves once connected; says in which state it got stuck.
  async connected(name, limit = 15000) {
    const { pc, states } = raw.sessions[name];
    const end = performance.now() + limit;
    while (pc.connectionState !== 'connected') {
      if (performance.now() > end || pc.connectionState === 'failed') {
        throw new Error(`not connected: ${states.join(' ')}, ice ${pc.iceConnectionState}\n${raw.sessions[name].answer}`);
      }
      await new Promise(done => setTimeout(done, 50));
    }
  },

  // DELETE, as a client that says goodbye; without `polite` it just goes.
  async stop(name, polite = true) {
    const { pc, location, token, media } = raw.sessions[name];
    delete raw.sessions[name];
    media?.getTracks().forEach(track => track.stop());
    let status = null;
    if (polite) {
      const headers = token ? { authorization: `Bearer ${token}` } : {};
      status = (await fetch(location, { method: 'DELETE', headers })).status;
    }
    pc.close();
    return status;
  },

  // The streams of a session by `direction-kind`, e.g. `inbound-video`, with all the browser's figures.
  async stats(name) {
    const { pc } = raw.sessions[name];
    const report = await pc.getStats();
    const out = { state: pc.connectionState, pairs: [] };
    for (const s of report.values()) {
      if (/^(remote-)?(in|out)bound-rtp$/.test(s.type)) {
        const codec = s.codecId && report.get(s.codecId)?.mimeType;
        out[`${s.type.replace('-rtp', '')}-${s.kind}`] = { ...s, codec };
      } else if (s.type === 'candidate-pair' && s.nominated) {
        out.pairs.push({ ...s, protocol: report.get(s.localCandidateId)?.protocol });
      }
    }
    return out;
  },
};
