// The admin API, with a token of its own: that of publishing and watching is not sent there.
import { Refused, readable } from './http.js';
import { KeptToken } from './token.js';

const DOOR = '/api';
/** Longest wait for an answer, in ms. */
const LIMIT = 8000;

/** The admin token of this tab. */
export const adminToken = new KeptToken('sfukit.admin-token');

/** A request to the admin API below `/api`; `body` is sent as JSON. Anything but success is thrown as `Refused`. */
export async function send(path, { method = 'GET', body, limit = LIMIT } = {}) {
  const headers = {};
  const text = adminToken.get();
  if (text) headers.Authorization = `Bearer ${text}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(`${DOOR}/${path}`, {
      method, headers, cache: 'no-store', signal: AbortSignal.timeout(limit),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0);
  }
  if (response.ok) return response;
  const refused = await response.json().catch(() => null);
  const detail = refused?.error?.text ?? '';
  throw new Refused(response.status, detail && readable(String(detail)));
}

/** Likewise; gives the JSON of the answer. */
export async function api(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/** Asks a plugin. `target` is `kind:id`; without one, the whole worker. */
export const ask = (plugin, request, target) =>
  api(`plugins/${encodeURIComponent(plugin)}`, { method: 'POST', body: { request, ...(target && { target }) } });

/** Switches a plugin on or off for the whole worker. */
export const switchPlugin = (plugin, on, options) =>
  api(`plugins/${encodeURIComponent(plugin)}/${on ? 'enable' : 'disable'}`, { method: 'POST', body: options ? { options } : {} });

/** Answers of several media threads, each with a list under that name, as one list. */
export const merged = (answers, name) =>
  (Array.isArray(answers) ? answers : [answers]).flatMap((answer) => (Array.isArray(answer?.[name]) ? answer[name] : []));

/** Saves what a path of the admin API answers as a file; for links that can't carry the token. */
export async function download(path, name) {
  const blob = await (await send(path, { limit: 600_000 })).blob();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
