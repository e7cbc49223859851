// The ICE parts of descriptions: waiting for candidates, fragments (RFC 8840 §9), servers from Link headers (RFC 9725 §4.6).

/** Ends when all candidates are known, or after `ms`: the worker is ICE-lite and needs none of them. */
export function gathered(pc, ms) {
  return new Promise((resolve) => {
    const check = () => pc.iceGatheringState === 'complete' && done();
    const timer = setTimeout(done, ms);
    pc.addEventListener('icegatheringstatechange', check);
    check();
    function done() {
      clearTimeout(timer);
      pc.removeEventListener('icegatheringstatechange', check);
      resolve();
    }
  });
}

const lines = (sdp) => sdp.split(/\r?\n/).filter(Boolean);
const ofIce = /^a=(ice-ufrag|ice-pwd|ice-options|candidate|end-of-candidates)/;

/** What a description says of ICE, for `PATCH`: the session level and the first section, which carries the bundle. */
export function fragment(sdp) {
  const all = lines(sdp);
  const first = all.findIndex((line) => line.startsWith('m='));
  const next = all.findIndex((line, at) => at > first && line.startsWith('m='));
  const session = all.slice(0, first).filter((line) => line.startsWith('a=group:BUNDLE') || ofIce.test(line));
  const section = all.slice(first, next < 0 ? undefined : next)
    .filter((line) => /^(m=|a=mid:)/.test(line) || ofIce.test(line));
  return `${[...session, ...section].join('\r\n')}\r\n`;
}

/** An earlier answer with the credentials and candidates of a fragment instead of its own. */
export function restarted(answer, fragmentText) {
  const news = lines(fragmentText);
  const credential = (name) => news.find((line) => line.startsWith(`a=${name}:`));
  const [ufrag, pwd] = [credential('ice-ufrag'), credential('ice-pwd')];
  if (!ufrag || !pwd) throw new Error('the worker answered the ICE restart without credentials');
  const candidates = news.filter((line) => line.startsWith('a=candidate:'));
  let placed = candidates.length === 0;
  const out = [];
  for (const line of lines(answer)) {
    if (line.startsWith('a=ice-ufrag:')) {
      out.push(ufrag);
    } else if (line.startsWith('a=ice-pwd:')) {
      out.push(pwd);
    } else if (line.startsWith('a=candidate:') && candidates.length) {
      // The new ones stand where the first old one stood.
      if (!placed) out.push(...candidates);
      placed = true;
    } else {
      out.push(line);
    }
  }
  return `${out.join('\r\n')}\r\n`;
}

/** `Link: <turn:…>; rel="ice-server"; username="u"; credential="c"` as `iceServers`. */
export function iceServers(header) {
  const servers = [];
  for (const [, url, rest] of (header ?? '').matchAll(/<([^>]+)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^",;\s]+))*)/g)) {
    const parameters = {};
    for (const [, name, quoted, bare] of rest.matchAll(/;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^",;\s]+))/g)) {
      parameters[name.toLowerCase()] = quoted ?? bare;
    }
    if (parameters.rel !== 'ice-server') continue;
    const { username, credential } = parameters;
    servers.push(username ? { urls: url, username, credential } : { urls: url });
  }
  return servers;
}
