// Tokens, kept in this tab until it closes.

/** One token under a name of its own. */
export class KeptToken {
  #key;
  #memory = '';

  constructor(key) {
    this.#key = key;
  }

  /** The token, or ''. */
  get() {
    try {
      return sessionStorage.getItem(this.#key) ?? '';
    } catch {
      return this.#memory;
    }
  }

  /** Keeps a token, or forgets it. */
  set(text) {
    this.#memory = text.trim();
    try {
      if (this.#memory) sessionStorage.setItem(this.#key, this.#memory);
      else sessionStorage.removeItem(this.#key);
    } catch {
      // Storage may be forbidden; then the token lives as long as the page.
    }
  }
}
