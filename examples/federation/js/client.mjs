// A client of rhizomedb-federation-v1: syncs everything, says something, stays and listens.
//
//   npm install && node client.mjs ws://localhost:8080/federation [TEXT] [--once]
//
// With --once it ends when it is synced and TEXT is acknowledged: exit 0. In a browser, drop the
// import and use onmessage and onopen.
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const once = process.argv.includes('--once');
const [url = 'ws://localhost:8080/federation', text] = words;
const systemId = 'js-client';
const known = new Map(); // all deltas, by id
const said = text === undefined ? null : {
  id: randomUUID(), timestamp: Date.now(), author: 'js', system: systemId,
  pointers: [
    { role: 'about', target: { id: 'prod_1', context: 'review' } },
    { role: 'review', target: text },
  ],
};
let synced = false, acked = said === null;

const socket = new WebSocket(url);
const say = (type, fields) => socket.send(JSON.stringify({ type, timestamp: Date.now(), ...fields }));
const keep = (delta) => {
  if (known.has(delta.id)) return;
  known.set(delta.id, delta);
  console.log(`${delta.author}@${delta.system}: ${JSON.stringify(delta.pointers)}`);
};
const on = {
  hello_ack({ systemId: server }) {
    console.log(`connected to ${server}`);
    say('sync_request', {});
    if (said !== null) say('delta', { delta: said });
  },
  sync_batch({ deltas }) { deltas.forEach(keep); },
  sync_complete({ deltasProcessed }) { console.log(`synced ${deltasProcessed}`); synced = true; },
  delta({ delta }) { keep(delta); say('delta_ack', { deltaId: delta.id }); },
  delta_ack({ deltaId }) { console.log(`${deltaId} is stored`); acked = true; },
  delta_nack({ deltaId, reason }) { console.log(`${deltaId} was refused: ${reason}`); process.exit(1); },
  ping() { say('pong', {}); },
  error({ code, message }) { console.error(`${code}: ${message}`); },
};
socket.on('open', () => say('hello', {
  systemId, protocol: 'rhizomedb-federation-v1', config: { mode: 'bidirectional', initialSync: 'full' },
}));
socket.on('message', (data) => {
  const message = JSON.parse(data);
  on[message.type]?.(message);
  if (once && synced && acked) socket.close();
});
socket.on('error', (error) => console.error(error.message));
socket.on('close', (code) => process.exit(Number(once ? !(synced && acked) : code !== 1000)));
