// The page: its panels, wired to each other.
import { $, setText } from './dom.js';
import { setToken, token } from './http.js';
import { setUpLive, showLive } from './live.js';
import { publishers, setUpPublish } from './publish.js';
import { noticeStreams, setUpPlugins } from './plugins.js';
import { followStreams } from './streams.js';
import { noticeLive, setUpWatch, viewers, watch, watched } from './watch.js';

/** For browser tests and the curious: sessions by stream, each with its `pc`, `url`, `state` and `text`. */
globalThis.sfukit = { publishers, viewers };

setUpPublish({ onChange: () => showLive() });
setUpWatch({
  onChange: () => {
    showLive();
    keepAddress();
  },
});
setUpLive();
setUpPlugins();

const listAgain = followStreams({
  show: (streams) => {
    showLive(streams);
    noticeLive(streams);
    noticeStreams(streams);
  },
  state: (state, text) => {
    $('worker-status').dataset.state = state;
    const own = { live: 'Connected to the worker', polling: 'Connected to the worker' };
    setText($('worker-status').querySelector('.text'), own[state] ?? text);
    document.body.classList.toggle('needs-token', state === 'refused');
  },
});

$('token').value = token();
$('token').addEventListener('change', takeToken);
$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  takeToken();
});

function takeToken() {
  setToken($('token').value);
  listAgain();
}

/** `#watch=a&watch=room/b` opens these streams; what is watched stands there, so that a reload shows the same. */
function keepAddress() {
  const names = watched().map((name) => `watch=${name}`);
  history.replaceState(null, '', names.length ? `#${names.join('&')}` : location.pathname + location.search);
}

function openAddress() {
  for (const name of new URLSearchParams(location.hash.slice(1)).getAll('watch')) watch(name, { wait: true });
}
addEventListener('hashchange', openAddress);
openAddress();
