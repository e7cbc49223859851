// The plugin `data-router`: who is in the room of a stream, and a chat. It needs no admin API: the data channel finds out.
import { ChatRoom } from '../chat-room.js';
import { el, keyed, setText } from '../dom.js';
import { figure } from '../figures.js';
import { sessions } from '../session.js';

export const title = 'Messages';
/** Messages that are shown at the most, and characters of each. */
const LINES = 200;
const LONG = 2000;
/** Peers that are shown at the most. */
const SHOWN = 50;

const rooms = new Set();
const changes = new EventTarget();
const changed = () => changes.dispatchEvent(new Event('change'));

sessions.addEventListener('begin', ({ detail: session }) => {
  const room = new ChatRoom(session);
  rooms.add(room);
  room.addEventListener('change', changed);
  room.addEventListener('message', ({ detail }) => tell(room, detail));
  room.addEventListener('problem', ({ detail }) => complain(room, detail));
});
sessions.addEventListener('end', ({ detail: session }) => {
  for (const room of rooms) {
    if (room.session !== session) continue;
    room.close();
    rooms.delete(room);
  }
  changed();
});

const open = () => [...rooms].filter((room) => room.found);

/** Whether a data channel of this page found a room. */
export const hasRoom = () => open().length > 0;

/** Calls back when rooms come, go or change. */
export const onRoom = (call) => changes.addEventListener('change', call);

let tell = () => {};
let complain = () => {};

const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);

/** What a message of anybody says, whatever its sender's program made it of. */
function words(body) {
  if (typeof body === 'string') return { text: cut(body, LONG) };
  if (typeof body?.text === 'string') return { text: cut(body.text, LONG), name: typeof body.name === 'string' ? cut(body.name, 40) : '' };
  return { text: cut(JSON.stringify(body ?? null), LONG) };
}

const PROBLEMS = {
  'unknown-peer': (name) => `Nobody here is called “${name}”.`,
  'unknown-group': (name) => `There is no group “${name}”.`,
  unreachable: (name) => `“${name}” can't be reached.`,
  rate: () => 'You send too much.',
};

/** The view in its panel. */
export function make() {
  let current = null;
  const field = (id, label, input) => el('div', { class: 'field' }, el('label', { for: id, text: label }), input);
  const roomChoice = el('select', { id: 'chat-room', name: 'room', on: { change: () => choose() } });
  const roomField = field('chat-room', 'Room', roomChoice);
  const present = el('ul', { class: 'chips', id: 'chat-present', 'aria-label': 'Who is here' });
  const place = el('div', { id: 'chat-log' });
  /** What was said in each room. */
  const logs = new Map();
  const kind = el('select', { id: 'chat-to', name: 'to', on: { change: () => showTo() } },
    ...[['others', 'Everybody'], ['peer', 'One peer'], ['topic', 'A topic']].map(([value, text]) => el('option', { value, text })));
  const whom = el('input', { id: 'chat-whom', name: 'whom', list: 'chat-peers', maxlength: '255', autocomplete: 'off', spellcheck: 'false' });
  const whomLabel = el('label', { for: 'chat-whom' });
  const whomField = el('div', { class: 'field' }, whomLabel, whom);
  const peers = el('datalist', { id: 'chat-peers' });
  const subscribe = el('button', { type: 'button', id: 'chat-subscribe', text: 'Subscribe', on: { click: () => takeTopic() } });
  const topics = el('ul', { class: 'chips', id: 'chat-topics', 'aria-label': 'Topics that you get' });
  const name = el('input', { id: 'chat-name', name: 'name', maxlength: '40', autocomplete: 'off', placeholder: 'none' });
  const text = el('input', { id: 'chat-text', name: 'text', maxlength: String(LONG), autocomplete: 'off' });
  const status = el('p', { class: 'status', id: 'chat-status', role: 'status' });
  const form = el('form', { class: 'chat', id: 'chat', autocomplete: 'off', novalidate: true, on: { submit: (event) => { event.preventDefault(); say(); } } },
    roomField, present, place,
    el('div', { class: 'row-of' }, field('chat-name', 'Your name', name), field('chat-to', 'To', kind), whomField, subscribe),
    el('div', { class: 'row-of' }, field('chat-text', 'Message', text), el('button', { type: 'submit', id: 'chat-send', class: 'primary', text: 'Send' })),
    topics, status, peers);
  const hint = el('p', { class: 'empty', text: 'Publish or watch a stream: who does so is in its room, and can write to the others.' });

  const logOf = (room) => {
    for (const known of logs.keys()) if (!rooms.has(known)) logs.delete(known);
    if (!logs.has(room)) logs.set(room, el('ol', { class: 'chat-log', role: 'log', tabindex: '0', 'aria-label': `Messages, ${label(room)}` }));
    return logs.get(room);
  };
  const write = (room, line, mine) => {
    const log = logOf(room);
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    log.append(el('li', { data: { mine: String(mine) } }, el('span', { class: 'chat-from', text: line.from }), el('span', { class: 'chat-words', text: line.text })));
    while (log.children.length > LINES) log.firstElementChild.remove();
    if (low || mine) log.scrollTop = log.scrollHeight;
  };
  const names = new Map();
  const called = (room, peer) => (peer === room.you ? `${peer} (you)` : names.has(peer) ? `${names.get(peer)} (${peer})` : peer);

  const choose = () => {
    const found = open();
    current = found.find((room) => label(room) === roomChoice.value) ?? found[0] ?? null;
    show();
  };
  const label = ({ session }) => `${session.stream}, ${session.role === 'publisher' ? 'as publisher' : 'as viewer'}`;
  const show = () => {
    const found = open();
    if (!found.includes(current)) current = found[0] ?? null;
    form.hidden = !current;
    hint.hidden = Boolean(current);
    roomField.hidden = found.length < 2;
    keyed(roomChoice, found.map(label), String, (value) => el('option', { value, text: value }), () => {});
    if (!current) return;
    roomChoice.value = label(current);
    if (place.firstElementChild !== logOf(current)) place.replaceChildren(logOf(current));
    const all = [...current.peers];
    const rest = all.length - SHOWN;
    const shown = all.slice(0, SHOWN).map((peer) => [peer, called(current, peer)]);
    if (rest > 0) shown.push(['more', `and ${rest} more`]);
    keyed(present, shown, ([peer]) => peer, () => el('li'), (item, [, words]) => setText(item, words));
    keyed(peers, all.filter((peer) => peer !== current.you), String, (value) => el('option', { value }), () => {});
    keyed(topics, [...current.topics].slice(0, SHOWN), String, (topic) => {
      const leave = el('button', { type: 'button', text: 'Leave', 'aria-label': `Leave topic ${topic}`, on: { click: () => current?.unsubscribe(topic) } });
      return el('li', {}, el('span', { text: topic }), leave);
    }, () => {});
    showTo();
  };
  const showTo = () => {
    whomField.hidden = kind.value === 'others';
    subscribe.hidden = kind.value !== 'topic';
    setText(whomLabel, kind.value === 'topic' ? 'Topic' : 'Peer');
    if (kind.value === 'peer') whom.setAttribute('list', 'chat-peers');
    else whom.removeAttribute('list');
  };
  const missing = () => {
    if (kind.value === 'others' || whom.value.trim()) return false;
    setText(status, kind.value === 'topic' ? 'A topic needs a name.' : 'Write whom it is for.');
    whom.focus();
    return true;
  };
  const say = () => {
    if (!current || missing()) return;
    if (!text.value.trim()) {
      text.focus();
      return;
    }
    const to = kind.value === 'others' ? 'others' : { [kind.value]: whom.value.trim() };
    const body = { text: text.value, ...(name.value.trim() && { name: name.value.trim() }) };
    setText(status, '');
    if (!current.send(to, body)) {
      setText(status, 'It could not be sent: the connection is gone.');
      return;
    }
    write(current, { from: `You, to ${to === 'others' ? 'everybody' : whom.value.trim()}`, text: cut(text.value, LONG) }, true);
    text.value = '';
  };
  const takeTopic = () => {
    if (!current || missing()) return;
    current.subscribe(whom.value.trim());
  };
  tell = (room, { from, topic, group, body }) => {
    const { text: said, name: self } = words(body);
    if (self && isShort(from) && (names.size < 1000 || names.has(from))) names.set(from, self);
    const where = topic ?? group;
    const who = from === '' ? 'The operator' : called(room, String(from));
    write(room, { from: `${who}${where === undefined ? '' : `, ${cut(String(where), 255)}`}`, text: said }, false);
    if (self) show();
  };
  complain = (room, { error, name: whose, text: told }) => {
    const known = Object.hasOwn(PROBLEMS, error) ? PROBLEMS[error](cut(String(whose ?? ''), 255)) : '';
    setText(status, known || cut(`${String(told ?? error)}`, 300));
  };
  changes.addEventListener('change', show);
  show();
  let wasOn = false;
  return {
    element: el('div', {}, hint, form),
    refresh(info) {
      // Just switched on: channels that found nobody try again.
      const on = Boolean(info.switch?.on);
      if (on && !wasOn) for (const room of rooms) room.look();
      wasOn = on;
    },
    head(info) {
      const here = current?.peers.size ?? 0;
      const routed = figure(info, 'routed');
      const line = [here ? `${here} here` : '', routed ? `${routed.toLocaleString('en')} ${routed === 1 ? 'message' : 'messages'}` : ''].filter(Boolean).join(', ');
      return { news: hasRoom(), line };
    },
    close() {
      changes.removeEventListener('change', show);
      tell = () => {};
      complain = () => {};
    },
  };
}

const isShort = (name) => typeof name === 'string' && name.length > 0 && name.length <= 255;
