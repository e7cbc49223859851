// Does what the README says under "Use it with mediasoup": its commands, taken from the text itself, on the server in readme/.
//
//   node readme.mjs WORKER
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const binary = realpathSync(process.argv[2]);
const top = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'readme-'));
/** How long anything may take on a busy machine; milliseconds. */
const PATIENCE = 120_000;

const readme = readFileSync(join(top, 'README.md'), 'utf8');
const section = readme.split(/^## /m).find(text => text.startsWith('Use it with mediasoup\n'));
const commands = [...section.matchAll(/^ {4}(\S.*?)(?: +# .*)?$/gm)].map(([, command]) => command);
const [, script] = section.match(/^```js\n([^]*?)^```$/m);

const pause = () => new Promise(done => setTimeout(done, 50));

/** The files that recorders wrote to a folder, with more than their head. */
function recordings(where) {
  mkdirSync(where, { recursive: true });
  return readdirSync(where).filter(name => name.endsWith('.mjr') && readFileSync(join(where, name)).length > 500);
}

/** Waits until something is so. */
async function until(what, holds) {
  for (const begun = Date.now(); !(await holds()); await pause()) {
    assert.ok(Date.now() - begun < PATIENCE, `${what} within ${PATIENCE} ms`);
  }
}

/** Sends RTP to a port for as long as something takes. */
async function whileSending({ port, ssrc }, work) {
  const socket = createSocket('udp4');
  let sequence = 0;
  const timer = setInterval(() => {
    const packet = Buffer.alloc(12 + 40);
    packet.writeUInt16BE(0x8064, 0);
    packet.writeUInt16BE(++sequence, 2);
    packet.writeUInt32BE(sequence * 960, 4);
    packet.writeUInt32BE(ssrc, 8);
    socket.send(packet, port, '127.0.0.1');
  }, 20);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

/** Runs a command as it stands there, but for the path of the worker; resolves to what `use` made of its process. */
async function run(command, { env, use }) {
  console.log(`$ ${command}`);
  const words = command.replaceAll('/path/to/sfu-worker', binary);
  const child = spawn('bash', ['-c', `set -euo pipefail; ${words}`], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise(done => child.once('exit', code => done(code)));
  const stopped = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), 2 * PATIENCE);
  try {
    return await use(child, ended);
  } finally {
    clearTimeout(stopped);
    // Its group, which is all that it started; the library takes SIGTERM for itself.
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
  }
}

const success = command => run(command, { use: async (child, ended) => (child.stdout.resume(), assert.equal(await ended, 0, command)) });

const mediaThreads = process => readdirSync(`/proc/${process}/task`)
  .filter(task => readFileSync(`/proc/${process}/task/${task}/comm`, 'utf8').startsWith('media-')).length;

/** A server runs with our worker, and serves as with any other. */
async function serves(command) {
  const isRecorded = command.includes('recorder.enabled=true');
  const where = join(folder, 'recordings');
  rmSync(where, { recursive: true, force: true });
  await run(command, {
    env: { PORT: '0' },
    use: async child => {
      for await (const line of createInterface({ input: child.stdout })) {
        const { url, worker } = JSON.parse(line);
        assert.equal(readlinkSync(`/proc/${worker}/exe`), binary);
        assert.equal(mediaThreads(worker), Number(/SFU_MEDIA_THREADS=(\d+)/.exec(command)?.[1] ?? 1), command);
        const ask = async (path, method) => await (await fetch(url + path, { method })).json();
        assert.ok((await ask('/capabilities', 'GET')).codecs.length > 2);
        assert.match((await ask('/participants', 'POST')).iceCandidates[0].address, /^127/);
        await whileSending(await ask('/microphones', 'POST'), async () => {
          if (isRecorded) return await until('a recording', () => recordings(where).length === 1);
          for (let tries = 0; tries < 10; tries++) await pause();
          assert.deepEqual(recordings(where), []);
        });
        return;
      }
      assert.fail('the server ended');
    },
  });
}

/** What the script does not say, since it is the reader's: its codecs, and somebody who speaks. */
async function records() {
  const where = join(folder, 'recorded');
  mkdirSync(where);
  assert.ok(script.includes('/var/recordings'));
  writeFileSync(join(folder, 'script.mjs'), `
    const mediaCodecs = [{ kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2 }];
    ${script.replaceAll('/var/recordings', where)}
    const listenInfo = { protocol: 'udp', ip: '127.0.0.1' };
    const transport = await router.createPlainTransport({ listenInfo, comedia: true });
    const codecs = [{ mimeType: 'audio/opus', payloadType: 100, clockRate: 48000, channels: 2 }];
    const producer = await transport.produce({ kind: 'audio', rtpParameters: { codecs, encodings: [{ ssrc: 99 }] } });
    console.log('port', transport.tuple.localPort, producer.id);
  `);
  await run('node script.mjs', {
    use: async child => {
      let producer;
      for await (const line of createInterface({ input: child.stdout })) {
        const [event, about, id] = line.split(' ');
        if (event === 'port') {
          producer = id;
          await whileSending({ port: about, ssrc: 99 }, () => until('a recording', () => recordings(where).length === 1));
        }
        if (event === 'recorder.started') {
          assert.ok(producer === undefined || about === producer, line);
          if (producer) return;
        }
      }
      assert.fail('no event came');
    },
  });
}

try {
  cpSync(join(import.meta.dirname, 'readme'), folder, { recursive: true });
  cpSync(join(import.meta.dirname, 'node_modules'), join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  const done = { build: 0, serve: 0, pack: 0, install: 0 };
  for (const command of commands) {
    if (command === 'cargo build --release') {
      // Done already, of whatever kind the binary is.
      done.build += 1;
    } else if (command.endsWith(' node server.js')) {
      await serves(command);
      done.serve += 1;
    } else if (command === 'bins/npm/pack.sh') {
      await success(`${top}/${command} ${binary}`);
      done.pack += 1;
    } else if (command.startsWith('npm install ')) {
      rmSync(join(folder, 'node_modules'), { recursive: true });
      await success(command.replace('/path/to/sfukit', top) + ' --prefer-offline --no-fund --no-audit');
      done.install += 1;
    } else {
      assert.fail(`the README has a command that nobody tries: ${command}`);
    }
  }
  assert.deepEqual(done, { build: 1, serve: 3, pack: 1, install: 1 });
  await records();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log('the README keeps its word');
