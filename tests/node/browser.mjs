// Drives one browser for a Rust test: a line of JSON in, a line of JSON out. Ends, with the browser, when its input ends.
// No flag or preference here changes ICE or mDNS: the browsers are those that a user has, but for fake cameras.
import { createInterface } from 'node:readline';
import { stdin, stdout } from 'node:process';
import puppeteer from 'puppeteer-core';

const CHROMIUM = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
  // Media only: sound without a click, so that what was received is played and counted.
  '--autoplay-policy=no-user-gesture-required'];
const FIREFOX = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.autoplay.default': 0,
};

let browser;
const pages = new Map();
/** What was thrown and caught by nobody, by page. */
const errors = new Map();

const commands = {
  async launch({ kind, path, args = [] }) {
    browser = kind === 'firefox'
      ? await puppeteer.launch({ browser: 'firefox', executablePath: path, headless: true, args, extraPrefsFirefox: FIREFOX })
      : await puppeteer.launch({ browser: 'chrome', executablePath: path, headless: true, args: [...CHROMIUM, ...args] });
    return await browser.version();
  },

  async open({ page, url }) {
    // A window of its own: a tab in the background is throttled.
    const opened = await browser.newPage({ type: 'window' }).catch(() => browser.newPage());
    pages.set(page, opened);
    opened.setDefaultTimeout(30_000);
    opened.on('console', message => console.error(`[${page}] ${message.type()}: ${message.text()}`));
    errors.set(page, []);
    opened.on('pageerror', error => {
      errors.get(page).push(String(error?.stack ?? error));
      console.error(`[${page}] error: ${error?.stack ?? error}`);
    });
    await opened.goto(url, { waitUntil: 'domcontentloaded' });
  },

  async goto({ page, url }) {
    const answer = await pages.get(page).goto(url, { waitUntil: 'domcontentloaded' });
    return answer?.status() ?? null;
  },

  // The body of an async function with `argument` in reach.
  async evaluate({ page, script, argument }) {
    const call = `(async argument => { ${script} })(${JSON.stringify(argument ?? null)}).then(v => JSON.stringify(v ?? null))`;
    return JSON.parse(await pages.get(page).evaluate(call));
  },

  async wait({ page, selector, timeout }) {
    await pages.get(page).waitForSelector(selector, { visible: true, timeout });
  },

  async click({ page, selector }) {
    await pages.get(page).click(selector);
  },

  async fill({ page, selector, text }) {
    const field = await pages.get(page).waitForSelector(selector);
    await field.evaluate(element => { element.value = ''; });
    await field.type(text);
  },

  async select({ page, selector, value }) {
    return await pages.get(page).select(selector, value);
  },

  async key({ page, key }) {
    await pages.get(page).keyboard.press(key);
  },

  async viewport({ page, width, height }) {
    await pages.get(page).setViewport({ width, height });
  },

  async screenshot({ page, path }) {
    await pages.get(page).screenshot({ path });
  },

  async errors({ page }) {
    return errors.get(page);
  },

  async close({ page }) {
    await pages.get(page).close();
    pages.delete(page);
  },
};

async function end() {
  await Promise.race([browser?.close(), new Promise(done => setTimeout(done, 3000))]).catch(() => {});
  browser?.process()?.kill('SIGKILL');
  process.exit(0);
}

// Commands run one after another; a long wait in one page must not block another, so each is started at once.
createInterface({ input: stdin }).on('line', async line => {
  const { id, command, ...parameters } = JSON.parse(line);
  let answer;
  try {
    answer = { id, ok: (await commands[command](parameters)) ?? null };
  } catch (error) {
    answer = { id, error: String(error?.message ?? error) };
  }
  stdout.write(JSON.stringify(answer) + '\n');
}).on('close', end);
process.on('SIGTERM', end);
