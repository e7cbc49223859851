// Requests to the worker, with the token, and what a refusal means to a person.
import { KeptToken } from './token.js';

const kept = new KeptToken('sfukit.token');

/** The bearer token of this tab, or ''. */
export const token = () => kept.get();

/** Keeps the bearer token until this tab closes. */
export const setToken = (text) => kept.set(text);

/** A request that was answered with a problem, or (`status` 0) not at all. */
export class Refused extends Error {
  constructor(status, detail, retryAfter) {
    super((status !== 401 && detail) || explain(status));
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

function explain(status) {
  switch (status) {
    case 0: return 'The worker does not answer.';
    case 401: return token() ? 'The worker does not know this access token.' : 'The worker asks for an access token.';
    case 403: return 'The access token does not allow this.';
    case 404: return 'There is nothing at that address.';
    case 503: return 'The worker takes nobody more at the moment.';
    default: return `The worker refused (${status}).`;
  }
}

/** Headers that carry the token, if there is one. */
export function authorization() {
  const text = token();
  return text ? { Authorization: `Bearer ${text}` } : {};
}

/** Sends a request; anything but success is thrown as `Refused` (an abort as itself). */
export async function request(url, { headers = {}, ...options } = {}) {
  let response;
  try {
    response = await fetch(url, { cache: 'no-store', ...options, headers: { ...authorization(), ...headers } });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refused(0);
  }
  if (response.ok) return response;
  throw await refusal(response);
}

/** The problem that a response states. */
export async function refusal(response) {
  let detail = '';
  try {
    const body = await response.json();
    detail = body.detail ?? body.error?.text ?? '';
  } catch {
    // Not JSON: the status has to do.
  }
  const seconds = Number(response.headers.get('Retry-After'));
  return new Refused(response.status, readable(detail), seconds > 0 ? seconds : undefined);
}

/** `whip.publish: it is so` as `It is so.`, with what stands in backticks in quotes and as it is. */
export function readable(detail) {
  const text = detail.replace(/^[a-z.]+: /, '').replace(/`([^`]*)`/g, '“$1”');
  return text && text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

/** The path of a stream below `/whip` or `/whep`. */
export const streamPath = (door, name) => `/${door}/${name.split('/').map(encodeURIComponent).join('/')}`;

/** What is wrong with a stream name, or ''. */
export function nameProblem(name) {
  if (!name) return 'A stream needs a name.';
  if (name.length > 128) return 'A name has at most 128 characters.';
  if (!name.split('/').every((part) => /^[A-Za-z0-9._~-]+$/.test(part) && /[^.]/.test(part))) {
    return 'Letters, digits and . _ ~ - with / between parts.';
  }
  return '';
}
