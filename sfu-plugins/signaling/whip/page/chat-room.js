// What the plugin `data-router` makes of a session's data channel: a room with peers. Speaks its text form, version 1.

/** Between two tries to find a room, in ms: the plugin may be switched on later. */
const AGAIN = 10_000;
/** Peers that are kept at the most. */
const MOST = 1000;

/** Whether something is a name as the plugin has them. */
const isName = (value) => typeof value === 'string' && value.length > 0;

/**
 * Says `change` when peers or topics change or the room is found or lost, `message` with `{ from, topic, body }`, and
 * `problem` with `{ error, name, text }`.
 */
export class ChatRoom extends EventTarget {
  session;
  /** What we are called here; '' while no room is found. */
  you = '';
  peers = new Set();
  topics = new Set();
  #channel = null;
  #timer = 0;

  constructor(session) {
    super();
    this.session = session;
    session.addEventListener('connection', () => this.#follow(session.channel));
  }

  /** Whether messages are routed: the plugin answered. */
  get found() {
    return this.you !== '' && this.#channel?.readyState === 'open';
  }

  /** Sends to `{ peer }`, `{ topic }` or `others`. */
  send(to, body) {
    return this.#say({ v: 1, to, body });
  }

  subscribe(topic) {
    return this.#say({ v: 1, subscribe: topic });
  }

  unsubscribe(topic) {
    return this.#say({ v: 1, unsubscribe: topic });
  }

  /** Asks who is there, if that is not known. */
  look() {
    if (!this.found) this.#say({ v: 1, presence: true });
  }

  close() {
    clearInterval(this.#timer);
    this.#lose();
    this.#channel = null;
  }

  #follow(channel) {
    clearInterval(this.#timer);
    this.#lose();
    this.#channel = channel;
    channel.addEventListener('open', () => this.look());
    channel.addEventListener('close', () => channel === this.#channel && this.close());
    channel.addEventListener('message', ({ data }) => channel === this.#channel && this.#hear(data));
    this.#timer = setInterval(() => this.look(), AGAIN);
  }

  #say(message) {
    if (this.#channel?.readyState !== 'open') return false;
    try {
      this.#channel.send(JSON.stringify(message));
      return true;
    } catch {
      return false;
    }
  }

  #hear(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message?.v !== 1) return;
    if (message.error !== undefined) this.#tell('problem', message);
    else if (isName(message.you)) this.#come(message);
    else if (message.from !== undefined) this.#tell('message', message);
    else if (message.joined || message.left) this.#move(message);
    else if (message.done === 'subscribe' && isName(message.name)) this.#topic(message.name, true);
    else if (message.done === 'unsubscribe' && isName(message.name)) this.#topic(message.name, false);
    // What else comes is our own words: no plugin took them.
  }

  #come({ you, present = [] }) {
    this.you = you;
    this.#keep(present);
    this.#tell('change');
  }

  #move({ joined = [], left = [] }) {
    for (const peer of left) this.peers.delete(peer);
    this.#keep(joined);
    this.#tell('change');
  }

  #keep(peers) {
    for (const peer of peers) if (isName(peer) && this.peers.size < MOST) this.peers.add(peer);
  }

  #topic(name, on) {
    if (on) this.topics.add(name);
    else this.topics.delete(name);
    this.#tell('change');
  }

  #lose() {
    if (!this.you) return;
    this.you = '';
    this.peers.clear();
    this.topics.clear();
    this.#tell('change');
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
