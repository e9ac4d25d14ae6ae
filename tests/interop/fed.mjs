// Federation against a JavaScript client and a JavaScript server (fed_peer.mjs), over the package
// ws: Pando in both roles. Usage: fed.mjs PANDO_BINARY
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { check as checkOne, end } from './check.mjs';
import { Server, TYPES, client, delta } from './fed_peer.mjs';
import { Pando, until } from './pando.mjs';

const example = fileURLToPath(new URL('example_client.mjs', import.meta.url));
const pando = new Pando(process.argv[2]);
await pando.start('fed');
const said = { server: new Set(), client: new Set() }; // what Pando said in each role
const conns = { server: [], client: [] };
const open = []; // spaces of the check that runs
async function check(name, body) {
  await checkOne(name, body);
  for (const made of open.splice(0)) await pando.post('space.rm', { name: made });
}
let spaces = 0;

/** A fresh delta space, and how to reach it. */
async function space(settings = {}) {
  const name = `db${++spaces}`;
  await pando.post('space.create', { name, kind: 'delta', settings: { systemId: 'pando', author: 'p', ...settings } });
  open.push(name);
  const ask = (verb, args = {}) => pando.post(verb, { space: name, ...args });
  return {
    ask,
    url: `ws://127.0.0.1:${pando.http}/federation/${name}`,
    join: async (config, ...more) => {
      const conn = await client(`ws://127.0.0.1:${pando.http}/federation/${name}`, config, ...more);
      conns.server.push(conn);
      return conn;
    },
    dial: async (server, config) => {
      conns.client.push(server);
      const { id } = await ask('fed.connect', {
        url: server.url, ...config, reconnect: { maxAttempts: 0, initialDelay: 50, ...config?.reconnect },
      });
      return id;
    },
    stats: async (id) => (await ask('fed.link', { id })).stats,
    status: async (id) => (await ask('fed.link', { id })).status,
    create: async (fields = {}) => (await ask('delta.create', { pointers: delta().pointers, ...fields })).id,
    has: async (id) => ask('delta.get', { id }).then((a) => a.delta, () => null),
    count: async () => (await ask('delta.hash')).deltas,
  };
}
const many = (count, fields) => Array.from({ length: count },
  (_, i) => delta({ timestamp: 1700000000000 + i, ...fields }));

// ---- both ends of a link are left alone for the 30 s after which each pings ----
const idleSpace = await space(), idleServer = await new Server().listen();
const idleClient = await idleSpace.join({});
await idleSpace.dial(idleServer);
await idleServer.conn();
open.length = 0; // this one stays

// ---- Pando is the server ----
await check('a greeting is answered with name, link and protocol', async () => {
  const conn = await (await space()).join({});
  assert.equal(conn.ack.systemId, 'pando');
  assert.match(conn.ack.linkId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(conn.ack.protocol, 'rhizomedb-federation-v1');
  assert.ok(Math.abs(conn.ack.timestamp - Date.now()) < 60000);
});
await check('another protocol is PROTOCOL_MISMATCH, fatal, close 1002', async () => {
  const conn = await (await space()).join(null);
  conn.say('hello', { systemId: 'x', protocol: 'rhizomedb-federation-v2', config: {} });
  const error = await conn.next('error');
  assert.equal(error.code, 'PROTOCOL_MISMATCH');
  assert.equal(error.fatal, true);
  assert.equal((await conn.closed).code, 1002);
});
await check('what comes before hello is out of place, and the connection lives', async () => {
  const conn = await (await space()).join(null);
  conn.say('ping');
  assert.equal((await conn.next('error')).code, 'UNEXPECTED_MESSAGE');
  conn.say('hello', { systemId: 'x', protocol: 'rhizomedb-federation-v1', config: {} });
  await conn.next('hello_ack');
});
await check('what does not decode is MESSAGE_ERROR; the 16th time it is fatal, close 1007', async () => {
  const conn = await (await space()).join({});
  conn.socket.send('{"type":');
  const error = await conn.next('error');
  assert.equal(error.code, 'MESSAGE_ERROR');
  assert.notEqual(error.fatal, true);
  conn.say('ping');
  await conn.next('pong');
  for (let i = 0; i < 15; i++) conn.socket.send('[]');
  assert.equal((await conn.next('error', (e) => e.fatal)).code, 'MESSAGE_ERROR');
  assert.equal((await conn.closed).code, 1007);
});
await check('250 deltas come oldest first in batches of 100', async () => {
  const s = await space(), deltas = many(250);
  await s.ask('delta.create', { deltas: [...deltas].reverse() });
  const conn = await s.join({ initialSync: 'full' });
  conn.say('sync_request', {});
  const start = await conn.next('sync_start');
  assert.deepEqual([start.totalDeltas, start.batchSize], [250, 100]);
  const complete = await conn.next('sync_complete');
  assert.equal(complete.deltasProcessed, 250);
  const batches = conn.seen('sync_batch');
  assert.deepEqual(batches.map((b) => [b.deltas.length, b.batchNumber, b.isLastBatch]),
    [[100, 0, false], [100, 1, false], [50, 2, true]]);
  assert.deepEqual(batches.flatMap((b) => b.deltas), deltas);
});
await check('a sync of nothing is complete, too', async () => {
  const conn = await (await space()).join({});
  conn.say('sync_request', {});
  assert.equal((await conn.next('sync_start')).totalDeltas, 0);
  assert.equal((await conn.next('sync_complete')).deltasProcessed, 0);
});
await check('a sync from a time is inclusive, and its filter holds', async () => {
  const s = await space();
  const deltas = [...many(10), ...many(10, { author: 'alice' })];
  await s.ask('delta.create', { deltas });
  const conn = await s.join({});
  conn.say('sync_request', { fromTimestamp: 1700000000005, filter: { authors: ['alice'] } });
  assert.equal((await conn.next('sync_complete')).deltasProcessed, 5);
  assert.deepEqual(conn.seen('sync_batch').flatMap((b) => b.deltas.map((d) => d.id)),
    deltas.slice(15).map((d) => d.id));
});
await check('a delta is acknowledged when it is stored; twice is no harm', async () => {
  const s = await space(), conn = await s.join({}), d = delta();
  for (let i = 0; i < 2; i++) {
    conn.say('delta', { delta: d });
    assert.equal((await conn.next('delta_ack')).deltaId, d.id);
    assert.deepEqual(await s.has(d.id), d);
  }
  assert.equal(await s.count(), 1);
});
await check('older spellings of pointers are read', async () => {
  const s = await space(), conn = await s.join({});
  const d = delta({ pointers: [
    { localContext: 'product', target: 'prod_1', targetContext: 'name' },
    { localContext: 'maker', target: { id: 'acme' }, targetContext: 'products' },
    { localContext: 'name', target: 'Widget Pro' }] });
  conn.say('delta', { delta: d });
  assert.equal((await conn.next('delta_ack')).deltaId, d.id);
  assert.deepEqual((await s.has(d.id)).pointers, [
    { role: 'product', target: { id: 'prod_1', context: 'name' } },
    { role: 'maker', target: { id: 'acme', context: 'products' } },
    { role: 'name', target: 'Widget Pro' }]);
});
await check('a delta that is none is refused with a reason that names the member', async () => {
  const s = await space(), conn = await s.join({});
  const d = delta({ pointers: [{ role: 'r', target: null }] });
  conn.say('delta', { delta: d });
  const nack = await conn.next('delta_nack');
  assert.equal(nack.deltaId, d.id);
  assert.match(nack.reason, /pointers\[0\]\.target/);
});
await check('whom the policy does not trust gets delta_nack with the reason, and is counted', async () => {
  const s = await space({ trustPolicy: { trustedSystems: ['trusted-client-1'] } });
  const conn = await s.join({ trustPolicy: {} }); // the peer's own copy counts for nothing
  const good = delta({ system: 'trusted-client-1' }), bad = delta({ system: 'untrusted-client-999' });
  conn.say('delta', { delta: bad });
  const nack = await conn.next('delta_nack');
  assert.deepEqual([nack.deltaId, nack.reason], [bad.id, 'Failed trust policy verification']);
  conn.say('delta', { delta: good });
  assert.equal((await conn.next('delta_ack')).deltaId, good.id);
  assert.equal(await s.has(bad.id), null);
  const [link] = (await s.ask('fed.links')).links;
  assert.deepEqual([link.stats.deltasReceived, link.stats.deltasRejected], [1, 1]);
});
await check('live deltas go where mode and pullFilter let them', async () => {
  const s = await space();
  const all = await s.join({}), some = await s.join({ pullFilter: { contexts: ['public'] } });
  const push = await s.join({ mode: 'push' });
  const hidden = await s.create();
  const shown = await s.create({ pointers: [{ role: 'r', target: { id: 'o', context: 'public' } }] });
  for (const id of [hidden, shown]) await all.next('delta', (m) => m.delta.id === id);
  await some.next('delta', (m) => m.delta.id === shown);
  push.say('sync_request', {});
  assert.equal((await push.next('sync_complete')).deltasProcessed, 0);
  assert.equal(some.seen('delta').length, 1);
  assert.equal(push.seen('delta').length, 0);
});
await check('a client in mode pull may not send', async () => {
  const s = await space(), conn = await s.join({ mode: 'pull' }), d = delta();
  conn.say('delta', { delta: d });
  assert.equal((await conn.next('delta_nack')).deltaId, d.id);
  assert.equal(await s.has(d.id), null);
});
await check('a delta goes on to other clients and never back', async () => {
  const s = await space(), a = await s.join({}, 'a'), b = await s.join({}, 'b'), d = delta();
  a.say('delta', { delta: d });
  assert.deepEqual((await b.next('delta')).delta, d);
  b.say('delta', { delta: d }); // b says it again: known, not forwarded
  await b.next('delta_ack');
  a.say('ping');
  await a.next('pong');
  assert.equal(a.seen('delta').length, 0);
  assert.equal(b.seen('delta').length, 1);
});
await check('without autoBroadcast clients get syncs only', async () => {
  const s = await space({ autoBroadcast: false }), conn = await s.join({}), id = await s.create();
  conn.say('sync_request', {});
  assert.equal((await conn.next('sync_complete')).deltasProcessed, 1);
  assert.equal(conn.seen('delta').length, 0);
  assert.ok(conn.kept.has(id));
});
await check('what a pause holds back comes after resume', async () => {
  const s = await space(), conn = await s.join({});
  conn.say('pause');
  conn.say('ping');
  await conn.next('pong');
  const ids = [await s.create(), await s.create(), await s.create()];
  const own = delta();
  conn.say('delta', { delta: own }); // a paused peer is still listened to
  assert.equal((await conn.next('delta_ack')).deltaId, own.id);
  assert.equal(conn.seen('delta').length, 0);
  conn.say('resume');
  for (const id of ids) await conn.next('delta', (m) => m.delta.id === id);
});
await check('a person pauses and resumes a link of the server', async () => {
  const s = await space(), conn = await s.join({});
  const [{ id }] = (await s.ask('fed.links')).links;
  await s.ask('fed.pause', { id });
  await conn.next('pause');
  const d = await s.create();
  await s.ask('fed.resume', { id });
  await conn.next('resume');
  await conn.next('delta', (m) => m.delta.id === d);
});
await check('what the client refuses is counted', async () => {
  const s = await space(), conn = await s.join({});
  conn.refuses = () => 'not wanted here';
  await s.create();
  await conn.next('delta');
  await until('deltasRefused is 1', 10, async () => (await s.ask('fed.links')).links[0].stats.deltasRefused === 1);
});
await check('a client that reads nothing for a while gets all of its sync', async () => {
  const s = await space(), count = 6000, text = 'x'.repeat(2000);
  const pointers = [{ role: 'about', target: { id: 'o', context: 'n' } }, { role: 'n', target: text }];
  for (let at = 0; at < count; at += 500) {
    await s.ask('delta.create', { deltas: many(500, { pointers }) });
  }
  const conn = await s.join({});
  conn.say('sync_request', {});
  await conn.next('sync_start');
  conn.socket.pause();
  await sleep(1000);
  conn.socket.resume();
  assert.equal((await conn.next('sync_complete')).deltasProcessed, count);
  assert.equal(conn.kept.size, count);
});
await check('a second hello changes what the client wishes', async () => {
  const s = await space(), conn = await s.join({ pullFilter: { contexts: ['public'] } });
  await s.create();
  conn.say('hello', { systemId: 'js-client', protocol: 'rhizomedb-federation-v1', config: { mode: 'bidirectional' } });
  await conn.next('hello_ack');
  const id = await s.create();
  await conn.next('delta', (m) => m.delta.id === id);
});
await check('the third of two connections is closed with 1008', async () => {
  const s = await space({ maxConnections: 2 });
  await s.join({});
  await s.join({});
  const third = await s.join(null);
  assert.deepEqual(await third.closed, { code: 1008, reason: 'Max connections reached' });
});
await check('a fatal error of the client ends the connection', async () => {
  const conn = await (await space()).join({});
  conn.say('error', { code: 'MESSAGE_ERROR', message: 'I cannot go on', fatal: true });
  assert.equal((await conn.closed).code, 1000);
});
await check('kill -9 of the server: the client comes again, nothing acknowledged is missing', async () => {
  const other = new Pando(process.argv[2]);
  try {
    await other.start('killed');
    await other.post('space.create', { name: 'db', kind: 'delta' });
    const url = `ws://127.0.0.1:${other.http}/federation`, acked = [];
    const conn = await client(url);
    for (let i = 0; i < 500; i++) conn.say('delta', { delta: delta() });
    while (acked.length < 100) acked.push((await conn.next('delta_ack')).deltaId);
    other.child.kill('SIGKILL');
    await conn.closed;
    for (const m of conn.came.slice(conn.looked)) if (m.type === 'delta_ack') acked.push(m.deltaId);
    await other.again();
    const back = await client(url);
    back.say('sync_request', {});
    await back.next('sync_complete');
    assert.deepEqual(acked.filter((id) => !back.kept.has(id)), []);
    back.socket.terminate();
  } finally {
    await other.stop();
  }
});

// ---- Pando is the client ----
await check('Pando greets, asks for a sync and takes 250 deltas', async () => {
  const s = await space(), server = await new Server().listen();
  for (const d of many(250)) server.kept.set(d.id, d);
  const id = await s.dial(server, { pullFilter: { authors: ['js'] } });
  const conn = await server.conn();
  const hello = await conn.next('hello');
  assert.equal(conn.came[0], hello);
  assert.deepEqual([hello.systemId, hello.protocol], ['pando', 'rhizomedb-federation-v1']);
  assert.deepEqual([hello.config.mode, hello.config.initialSync], ['bidirectional', 'full']);
  assert.deepEqual(hello.config.pullFilter.authors, ['js']);
  assert.equal(hello.config.trustPolicy, undefined);
  assert.deepEqual((await conn.next('sync_request')).filter.authors, ['js']);
  await until('250 deltas are stored', 15, async () => await s.count() === 250);
  const link = await s.ask('fed.link', { id });
  assert.equal(link.remoteSystemId, 'js-server');
  await until('it is connected', 10, async () => await s.status(id) === 'connected');
});
await check('Pando offers its backlog, then what is new; pushFilter holds for both', async () => {
  const s = await space(), server = await new Server().listen();
  const old = await s.create({ author: 'alice' });
  await s.create({ author: 'bob' });
  await s.dial(server, { pushFilter: { authors: ['alice'] } });
  const conn = await server.conn();
  await conn.next('delta', (m) => m.delta.id === old);
  await s.create({ author: 'bob' });
  const fresh = await s.create({ author: 'alice' });
  await conn.next('delta', (m) => m.delta.id === fresh);
  assert.equal(conn.seen('delta').length, 2);
});
await check('initialSync from_timestamp asks from there, none does not ask', async () => {
  const s = await space(), server = await new Server().listen();
  await s.dial(server, { initialSync: 'from_timestamp', syncFromTimestamp: 1700000000123 });
  assert.equal((await (await server.conn()).next('sync_request')).fromTimestamp, 1700000000123);
  const quiet = await new Server().listen(), t = await space();
  const id = await t.dial(quiet, { initialSync: 'none' });
  await until('it is connected', 10, async () => await t.status(id) === 'connected');
  const conn = await quiet.conn();
  conn.say('ping');
  await conn.next('pong');
  assert.equal(conn.seen('sync_request').length, 0);
});
await check('what was not acknowledged is sent again after a reconnect', async () => {
  const s = await space(), server = await new Server({ answers: false }).listen();
  const id = await s.create();
  await s.dial(server);
  const first = await server.conn();
  await first.next('delta', (m) => m.delta.id === id);
  server.options.answers = true;
  first.socket.terminate();
  const second = await server.conn(2);
  await second.next('delta', (m) => m.delta.id === id);
  assert.ok(server.kept.has(id));
});
await check('the server is away for a second; both sides are equal afterwards', async () => {
  const s = await space(), server = await new Server().listen();
  const id = await s.dial(server);
  await (await server.conn()).next('sync_request');
  await server.stop();
  await until('it is known', 10, async () => await s.status(id) !== 'connected');
  const here = await s.create(), there = delta();
  server.kept.set(there.id, there);
  await sleep(1000);
  await server.listen();
  await until('both have both', 15, async () => server.kept.has(here) && await s.has(there.id) !== null);
});
await check('deltas of the server are acknowledged; untrusted ones refused, also in a batch', async () => {
  const s = await space(), server = await new Server().listen();
  const bad = delta({ author: 'mallory' }), good = delta({ author: 'alice' });
  for (const d of [bad, good]) server.kept.set(d.id, d);
  const id = await s.dial(server, { trustPolicy: { trustedAuthors: ['alice'] } });
  const conn = await server.conn();
  const first = await conn.next('delta_nack');
  assert.deepEqual([first.deltaId, first.reason], [bad.id, 'Failed trust policy verification']);
  const live = delta({ author: 'alice' }), worse = delta({ author: 'mallory' });
  conn.say('delta', { delta: live });
  assert.equal((await conn.next('delta_ack')).deltaId, live.id);
  conn.say('delta', { delta: worse });
  assert.equal((await conn.next('delta_nack')).deltaId, worse.id);
  assert.equal(await s.count(), 2);
  assert.equal((await s.stats(id)).deltasRejected, 2);
  assert.equal(conn.seen('delta').length, 0, 'nothing goes back to where it came from');
});
await check('what the server refuses is not sent again', async () => {
  const s = await space(), server = await new Server({ refuses: () => 'no' }).listen();
  await s.create();
  const id = await s.dial(server), conn = await server.conn();
  await conn.next('delta');
  await until('it is counted', 10, async () => (await s.stats(id)).deltasRefused === 1);
  conn.socket.terminate();
  const again = await server.conn(2);
  await again.next('sync_request');
  again.say('ping');
  await again.next('pong');
  assert.equal(again.seen('delta').length, 0);
});
await check('a pause by the server holds, resume lets go; a pause by a person is said', async () => {
  const s = await space(), server = await new Server().listen();
  const id = await s.dial(server), conn = await server.conn();
  await conn.next('sync_request');
  conn.say('pause');
  conn.say('ping');
  await conn.next('pong');
  const held = await s.create();
  assert.equal(await s.status(id), 'paused');
  assert.equal(conn.seen('delta').length, 0);
  conn.say('resume');
  await conn.next('delta', (m) => m.delta.id === held);
  await s.ask('fed.pause', { id });
  await conn.next('pause');
  await s.ask('fed.resume', { id });
  await conn.next('resume');
  await conn.next('sync_request'); // this server dropped what it could not send meanwhile
});
await check('a server of another protocol is told so, and not dialled again', async () => {
  const s = await space(), server = await new Server({ ack: { protocol: 'other' } }).listen();
  const id = await s.dial(server), conn = await server.conn();
  const error = await conn.next('error');
  assert.deepEqual([error.code, error.fatal], ['PROTOCOL_MISMATCH', true]);
  await conn.closed;
  await until('the link rests', 10, async () => await s.status(id) === 'error');
  await sleep(500);
  assert.equal(server.conns.length, 1);
});
await check('what the server says and Pando cannot read is MESSAGE_ERROR', async () => {
  const s = await space(), server = await new Server().listen();
  await s.dial(server);
  const conn = await server.conn();
  await conn.next('sync_request');
  conn.socket.send('nonsense');
  assert.equal((await conn.next('error')).code, 'MESSAGE_ERROR');
  conn.say('sync_request', {});
  assert.equal((await conn.next('error')).code, 'UNEXPECTED_MESSAGE');
});
await check('a person disconnects: close 1000, and no more dials', async () => {
  const s = await space(), server = await new Server().listen();
  const id = await s.dial(server), conn = await server.conn();
  await conn.next('sync_request');
  await s.ask('fed.disconnect', { id });
  assert.equal((await conn.closed).code, 1000);
  await sleep(300);
  assert.equal(server.conns.length, 1);
});
await check('a JavaScript client and a JavaScript server meet through Pando', async () => {
  const s = await space(), server = await new Server().listen();
  await s.dial(server);
  const far = await server.conn();
  await far.next('sync_request');
  const near = await s.join({}), up = delta(), down = delta();
  near.say('delta', { delta: up });
  assert.deepEqual((await far.next('delta')).delta, up);
  far.say('delta', { delta: down });
  assert.deepEqual((await near.next('delta')).delta, down);
  assert.equal(near.seen('delta').length + far.seen('delta').length, 2);
});

await check('the example client syncs, says something, and ends well; refused, it does not', async () => {
  const run = async (url) => {
    const child = spawn(process.execPath, [example, url, 'Great product!', '--once'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (bytes) => { out += bytes; });
    const [code] = await once(child, 'close');
    return { code, out };
  };
  const s = await space(), id = await s.create();
  const { code, out } = await run(s.url);
  assert.equal(code, 0);
  assert.match(out, /synced [12]\n/);
  assert.match(out, /is stored/);
  assert.equal(await s.count(), 2);
  assert.notEqual(await s.has(id), null);
  const strict = await space({ trustPolicy: { trustedAuthors: ['alice'] } });
  const refused = await run(strict.url);
  assert.equal(refused.code, 1);
  assert.match(refused.out, /was refused: Failed trust policy verification/);
});

// ---- at last ----
await check('after 30 s both roles ping, and a pong keeps the link', async () => {
  const far = await idleServer.conn();
  for (const conn of [idleClient, far]) {
    await until('a ping', 40, () => conn.seen('ping').length > 0);
    conn.say('ping');
    await conn.next('pong');
    assert.equal(conn.socket.readyState, 1);
  }
});
await check('all 14 messages were said by Pando, in each role those that it has', async () => {
  for (const conn of conns.server) for (const m of conn.came) said.server.add(m.type);
  for (const server of [...conns.client, idleServer]) {
    for (const conn of server.conns) for (const m of conn.came) said.client.add(m.type);
  }
  const server = ['hello_ack', 'delta', 'delta_ack', 'delta_nack', 'sync_start', 'sync_batch',
    'sync_complete', 'pause', 'resume', 'ping', 'pong', 'error'];
  const dialler = ['hello', 'delta', 'delta_ack', 'delta_nack', 'sync_request', 'pause', 'resume',
    'ping', 'pong', 'error'];
  assert.deepEqual([...said.server].sort(), server.sort());
  assert.deepEqual([...said.client].sort(), dialler.sort());
  assert.deepEqual([...new Set([...said.server, ...said.client])].sort(), [...TYPES].sort());
});

await pando.stop();
end(pando.log);
