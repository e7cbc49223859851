// A plain form for what a JSON schema describes: a plugin's requests, or the options that it is switched on with.
import { el, setText } from './dom.js';

/** Characters of an answer that are shown at the most. */
const SHOWN = 20_000;
/** Fields of a form at the most. */
const MOST = 40;

/** What a reference stands for; a few steps deep, since schemas may refer in circles. */
function resolve(schema, root) {
  let found = schema;
  for (let step = 0; step < 8 && typeof found?.$ref === 'string'; step += 1) {
    const name = /^#\/\$defs\/([^/]+)$/.exec(found.$ref)?.[1];
    found = { ...(name ? root.$defs?.[name] : undefined), description: found.description };
  }
  return found ?? {};
}

/** A schema without the choice of `null`. */
function present(schema, root) {
  const known = resolve(schema, root);
  const others = known.anyOf?.filter((each) => each.type !== 'null');
  if (others?.length === 1) return { ...resolve(others[0], root), description: known.description };
  if (Array.isArray(known.type)) {
    const types = known.type.filter((type) => type !== 'null');
    return types.length === 1 ? { ...known, type: types[0] } : { ...known, type: undefined };
  }
  return known;
}

/** The texts to choose from, or undefined. */
function choices(schema) {
  const all = schema.enum ?? schema.oneOf?.map((each) => each.const);
  return all?.length && all.every((each) => typeof each === 'string') ? all : undefined;
}

let count = 0;

/** One field: its elements, and `read()`, which gives undefined where it was left empty. */
function field(name, given, required, root) {
  const schema = present(given, root);
  const id = `field-${(count += 1)}`;
  const about = schema.description ? el('p', { class: 'hint', id: `${id}-hint`, text: schema.description }) : null;
  const common = { id, name, 'aria-describedby': about ? `${id}-hint` : undefined };
  const options = choices(schema);
  let input;
  let read;
  if (options || schema.type === 'boolean') {
    const texts = options ?? ['true', 'false'];
    const first = required && options ? [] : [el('option', { value: '', text: 'not said' })];
    input = el('select', common, ...first, ...texts.map((each) => el('option', { value: each, text: each })));
    read = () => (input.value === '' ? undefined : options ? input.value : input.value === 'true');
  } else if (schema.type === 'integer' || schema.type === 'number') {
    input = el('input', { ...common, inputmode: 'decimal', autocomplete: 'off' });
    read = () => {
      const text = input.value.trim();
      if (text === '') return undefined;
      if (!Number.isFinite(Number(text))) throw new Error(`${name}: this is no number.`);
      return Number(text);
    };
  } else if (schema.type === 'string') {
    input = el('input', { ...common, autocomplete: 'off', spellcheck: 'false' });
    read = () => (input.value === '' && !required ? undefined : input.value);
  } else {
    input = el('textarea', { ...common, rows: '2', spellcheck: 'false', placeholder: 'JSON' });
    read = () => {
      if (input.value.trim() === '') return undefined;
      try {
        return JSON.parse(input.value);
      } catch {
        throw new Error(`${name}: this is no JSON.`);
      }
    };
  }
  const label = el('label', { for: id, text: required ? `${name} (needed)` : name });
  return { name, read, element: el('div', { class: 'field' }, label, input, about) };
}

/** What may be chosen: `[{ name, about, fixed, fields }]`, or a field of JSON where the schema says too little. */
function variants(root) {
  const schema = resolve(root, root);
  const all = (schema.oneOf ?? schema.anyOf ?? [schema]).map((each) => resolve(each, root));
  return all.map((each) => {
    if (typeof each.const === 'string') return { name: each.const, about: each.description, whole: each.const };
    const properties = Object.entries(each.properties ?? {});
    const fixed = properties.filter(([, value]) => value.const !== undefined).map(([name, value]) => [name, value.const]);
    const free = properties.filter(([, value]) => value.const === undefined).slice(0, MOST);
    const told = each.type === 'object' || properties.length > 0;
    const name = String(fixed[0]?.[1] ?? each.title ?? 'request');
    return { name, about: each.description, fixed, free, required: each.required ?? [], json: !told };
  });
}

/** Whether there is anything to fill in. */
export const isEmpty = (schema) => variants(schema ?? {}).every((each) => !each.json && !each.whole && !each.free.length && !each.fixed.length);

/** A form. `send(value, target)` gives a promise of what is to be shown. `withTarget`: it also asks for a target. */
export function requestForm({ schema, label, withTarget, send }) {
  const all = variants(schema ?? {});
  const id = `form-${(count += 1)}`;
  const choice = el('select', { id: `${id}-choice`, name: 'request' }, ...all.map(({ name }, at) => el('option', { value: String(at), text: name })));
  const about = el('p', { class: 'hint' });
  const place = el('div', { class: 'fields' });
  const target = field('target', { type: 'string', description: 'As router:0.1.0; left empty, the whole worker.' }, false, {});
  const status = el('p', { class: 'status', role: 'status' });
  const answer = el('pre', { class: 'answer', tabindex: '0', 'aria-label': 'Answer' });
  answer.hidden = true;
  let fields = [];
  const choose = () => {
    const chosen = all[Number(choice.value)];
    setText(about, chosen?.about ?? '');
    fields = (chosen?.free ?? []).map(([name, value]) => field(name, value, chosen.required.includes(name), schema));
    if (chosen?.json) fields = [field('request', {}, true, {})];
    place.replaceChildren(...fields.map((each) => each.element));
  };
  const value = () => {
    const chosen = all[Number(choice.value)];
    if (chosen.whole !== undefined) return chosen.whole;
    if (chosen.json) return fields[0].read();
    const read = fields.map((each) => [each.name, each.read()]).filter(([, each]) => each !== undefined);
    return Object.fromEntries([...chosen.fixed, ...read]);
  };
  const submit = async (event) => {
    event.preventDefault();
    answer.hidden = true;
    setText(status, '');
    try {
      const got = await send(value(), withTarget ? target.read() : undefined);
      const text = JSON.stringify(got ?? null, null, 2);
      setText(answer, text.length > SHOWN ? `${text.slice(0, SHOWN)}\n…` : text);
      answer.hidden = got === null || got === undefined;
      setText(status, answer.hidden ? 'Done.' : '');
    } catch (error) {
      setText(status, error.message);
    }
  };
  choose();
  choice.addEventListener('change', choose);
  const chooser = el('div', { class: 'field' }, el('label', { for: `${id}-choice`, text: 'Request' }), choice, about);
  chooser.hidden = all.length < 2 && !all[0]?.fixed?.length;
  return el('form', { class: 'request-form', autocomplete: 'off', novalidate: true, on: { submit } },
    chooser, place, withTarget ? target.element : null, el('div', { class: 'actions' }, el('button', { type: 'submit', text: label })), status, answer);
}
