// What mediasoup's own library makes of messages: the other side of the comparison in src/schema/v3_27/tests.
//
//   node schema.mjs describe            every table, enum and union of its schema, as JSON
//   node schema.mjs exchange < samples  for each [table, hex, value]: the value that it reads from our bytes, and the
//                                       bytes that it writes for the value
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const flatbuffers = require('flatbuffers');
const folder = join(import.meta.dirname, 'node_modules/mediasoup/node/lib/fbs');

const camelCase = name => name.split('-').map(word => word[0].toUpperCase() + word.slice(1)).join('');

// Namespace.Name of everything: tables as { table, object, source }, enums and unions as { members, ... }.
const tables = new Map();
const enums = new Map();
const unions = new Map();
const nameOfObject = new Map();
for (const namespace of readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())) {
  for (const file of readdirSync(join(folder, namespace.name)).filter(name => name.endsWith('.js'))) {
    const path = join(folder, namespace.name, file);
    const exported = require(path);
    const source = readFileSync(path, 'utf8');
    for (const [name, value] of Object.entries(exported)) {
      const full = `${camelCase(namespace.name)}.${name}`;
      if (typeof value === 'function' && `${name}T` in exported) {
        tables.set(full, { table: value, object: exported[`${name}T`], source });
        nameOfObject.set(exported[`${name}T`], full);
      } else if (typeof value === 'object') {
        const members = Object.entries(value).filter(([, number]) => typeof number === 'number');
        const choose = exported[`unionTo${name}`];
        if (choose) unions.set(full, { members: members.filter(([, number]) => number), choose });
        else enums.set(full, members);
      }
    }
  }
}

const nameOfTable = new Map([...tables].map(([name, { table }]) => [table, name]));

// What a variable that holds a module of the schema stands for: its namespace.
const namespaceOf = (source, variable) =>
  camelCase(source.match(new RegExp(`const ${variable} = require\\("\\.\\./\\.\\./fbs/([\\w-]+)/`))[1]);

function wire(getter, unpack, field, source) {
  const inVector = getter.includes('this.bb.__vector(');
  const wrap = type => (inVector ? `[${type}]` : type);
  let found;
  if (getter.includes('this.bb.__union(')) {
    found = unpack.match(new RegExp(`\\(0, (\\w+)\\.unionTo(\\w+)\\)\\(this\\.${field}Type\\(\\)`));
    return `union ${namespaceOf(source, found[1])}.${found[2]}`;
  }
  if (getter.includes('this.bb.__indirect(')) {
    found = getter.match(/new (?:(\w+)\.)?(\w+)\(\)/);
    const own = [...tables].find(([, entry]) => entry.source === source)[0].split('.')[0];
    return wrap(`table ${found[1] ? namespaceOf(source, found[1]) : own}.${found[2]}`);
  }
  if (getter.includes('this.bb.__string(')) return wrap('string');
  if (getter.includes('!!this.bb.readInt8(')) return wrap('bool');
  return wrap(getter.match(/this\.bb\.read(\w+)\(/)[1]);
}

function describeTable({ table, object, source }) {
  const end = Object.getOwnPropertyNames(table).find(name => /^end(?!.*Vector$)/.test(name));
  const required = [...table[end].toString().matchAll(/requiredField\(offset, (\d+)\)/g)].map(match => +match[1]);
  const defaults = new object();
  return Object.getOwnPropertyNames(table)
    .map(name => [name, /builder\.addField\w+\((\d+), /.exec(table[name]?.toString?.() ?? '')])
    .filter(([name, match]) => name.startsWith('add') && match)
    .map(([name, match]) => {
      const field = name[3].toLowerCase() + name.slice(4);
      const slot = +match[1];
      return {
        name: field,
        slot,
        wire: wire(table.prototype[field].toString(), table.prototype.unpack.toString(), field, source),
        required: required.includes(4 + 2 * slot),
        default: toJson(defaults[field]),
      };
    });
}

function toJson(value) {
  if (typeof value === 'bigint') return { $bigint: value.toString() };
  if (Array.isArray(value)) return value.map(toJson);
  if (value === null || typeof value !== 'object') return value;
  const name = nameOfObject.get(value.constructor);
  if (!name) throw new Error(`an object of no known table: ${value.constructor.name}`);
  return { $table: name, ...Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)])) };
}

function fromJson(value) {
  if (Array.isArray(value)) return value.map(fromJson);
  if (value === null || typeof value !== 'object') return value;
  if ('$bigint' in value) return BigInt(value.$bigint);
  const { $table, ...fields } = value;
  const object = new (tables.get($table).object)();
  for (const [key, inner] of Object.entries(fields)) {
    if (!(key in object)) throw new Error(`${$table} has no ${key}`);
    object[key] = fromJson(inner);
  }
  return object;
}

function exchange([name, hex, value]) {
  const { table, object } = tables.get(name);
  const bytes = new flatbuffers.ByteBuffer(new Uint8Array(Buffer.from(hex, 'hex')));
  const read = table[`getSizePrefixedRootAs${name.split('.')[1]}`](bytes);
  // Typed views throw where elements are not aligned.
  for (const view of Object.getOwnPropertyNames(table.prototype).filter(key => key.endsWith('Array'))) {
    if (table.prototype[view].length === 0) read[view]();
  }
  const builder = new flatbuffers.Builder(1024);
  builder.finishSizePrefixed(Object.assign(new object(), fromJson(value)).pack(builder));
  return [toJson(read.unpack()), Buffer.from(builder.asUint8Array()).toString('hex')];
}

function describeUnion({ members, choose }) {
  return members.map(([name, number]) => [number, name, nameOfTable.get(choose(number, table => table.constructor))]);
}

// What the library's classes send with which body, and as what they read a notification.
function describeUse() {
  const library = join(folder, '..');
  const source = readdirSync(library)
    .filter(name => name.endsWith('.js'))
    .map(name => readFileSync(join(library, name), 'utf8'))
    .join('\n');
  const use = { requests: {}, told: {}, heard: {} };
  const sent = /(Method|Event)\.([A-Z_]+)(?:,\s*(?:undefined|[\w.]+\.Body\.(\w+))|\))/g;
  for (const [, kind, name, body] of source.matchAll(sent)) {
    use[kind === 'Method' ? 'requests' : 'told'][name] = body ?? null;
  }
  // One of two methods, with the body behind the second.
  for (const [, name, body] of source.matchAll(/\? [\w.]+Method\.([A-Z_]+)\s*: [\w.]+, [\w.]+\.Body\.(\w+)/g)) {
    use.requests[name] = body;
  }
  for (const [, name, handling] of source.matchAll(/case [\w.]+Event\.([A-Z_]+): \{([^]*?)(?=case |default:)/g)) {
    use.heard[name] = handling.match(/new \w+\.(\w+Notification)\(\)/)?.[1] ?? null;
  }
  return use;
}

const mapValues = (map, change) => Object.fromEntries([...map].map(([key, value]) => [key, change(value)]));

if (process.argv[2] === 'describe') {
  process.stdout.write(JSON.stringify({
    tables: mapValues(tables, describeTable),
    enums: mapValues(enums, members => members.map(([name, number]) => [number, name])),
    unions: mapValues(unions, describeUnion),
    use: describeUse(),
  }));
} else {
  process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(exchange)));
}
