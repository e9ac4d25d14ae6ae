// An instance of the protocol rhizomedb-federation-v1 in JavaScript, written from the tables of
// docs/wire/federation.md alone: as small as the protocol lets it be, in both roles.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import WebSocket, { WebSocketServer } from 'ws';
import { PATIENCE } from './pando.mjs';

export const PROTOCOL = 'rhizomedb-federation-v1';
export const TYPES = ['hello', 'hello_ack', 'delta', 'delta_ack', 'delta_nack', 'sync_request',
  'sync_start', 'sync_batch', 'sync_complete', 'pause', 'resume', 'ping', 'pong', 'error'];
const LIMIT_MS = 15000 * PATIENCE;

export function delta(fields = {}) {
  return {
    id: randomUUID(), timestamp: Date.now(), author: 'js', system: 'js-system',
    pointers: [{ role: 'about', target: { id: 'thing', context: 'note' } }, { role: 'note', target: 'hi' }],
    ...fields,
  };
}

/** One connection: all that came over it, and a way to wait for something. */
export class Conn {
  constructor(socket, kept = new Map()) {
    this.socket = socket;
    this.kept = kept; // deltas by id
    this.came = [];
    this.looked = 0;
    this.answers = true; // deltas are kept and acknowledged, pings answered
    this.refuses = () => '';
    this.closed = once(socket, 'close').then(([code, reason]) => ({ code, reason: String(reason) }));
    socket.on('error', () => {});
    socket.on('message', (data) => this.take(JSON.parse(String(data))));
  }

  say(type, fields = {}) {
    this.socket.send(JSON.stringify({ type, timestamp: Date.now(), ...fields }));
  }

  take(message) {
    this.came.push(message);
    if (!this.answers) return;
    if (message.type === 'ping') this.say('pong');
    if (message.type === 'delta') {
      const reason = this.refuses(message.delta);
      if (reason !== '') {
        this.say('delta_nack', { deltaId: message.delta.id, reason });
      } else {
        this.kept.set(message.delta.id, message.delta);
        this.say('delta_ack', { deltaId: message.delta.id });
      }
    }
    if (message.type === 'sync_batch') for (const d of message.deltas) this.kept.set(d.id, d);
  }

  /** The next message of a type that passes; those before it are passed over. */
  async next(type, passes = () => true) {
    const end = Date.now() + LIMIT_MS;
    for (;;) {
      for (; this.looked < this.came.length; this.looked++) {
        const message = this.came[this.looked];
        if (message.type === type && passes(message)) {
          this.looked++;
          return message;
        }
      }
      if (Date.now() > end) {
        throw new Error(`no ${type} came, but ${this.came.map((m) => m.type).join(' ') || 'nothing'}`);
      }
      await new Promise((done) => { setTimeout(done, 5); });
    }
  }

  seen(type) {
    return this.came.filter((m) => m.type === type);
  }
}

/** Dial and greet; `config` is what hello carries. */
export async function client(url, config = {}, systemId = 'js-client', kept = new Map()) {
  const conn = new Conn(new WebSocket(url), kept);
  await once(conn.socket, 'open');
  if (config === null) return conn; // no greeting
  conn.say('hello', { systemId, protocol: PROTOCOL, config: { mode: 'bidirectional', initialSync: 'none', ...config } });
  conn.ack = await conn.next('hello_ack');
  return conn;
}

/** A server; each connection greets back and serves syncs from what is kept. */
export class Server {
  constructor(options = {}) {
    this.options = options;
    this.kept = new Map();
    this.conns = [];
    this.port = 0;
  }

  async listen() {
    this.wss = new WebSocketServer({ port: this.port, host: '127.0.0.1', path: '/federation' });
    await once(this.wss, 'listening');
    this.port = this.wss.address().port;
    this.url = `ws://127.0.0.1:${this.port}/federation`;
    this.wss.on('connection', (socket) => this.accept(socket));
    return this;
  }

  accept(socket) {
    const conn = new Conn(socket, this.kept);
    const { answers = true, refuses } = this.options;
    conn.answers = answers;
    if (refuses) conn.refuses = refuses;
    this.conns.push(conn);
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.type === 'hello') {
        conn.say('hello_ack', { systemId: 'js-server', linkId: randomUUID(), protocol: PROTOCOL, ...this.options.ack });
      } else if (message.type === 'sync_request' && this.options.syncs !== false) {
        this.serve(conn, message);
      }
    });
  }

  serve(conn, { fromTimestamp = 0, filter = {} }) {
    const authors = filter.authors ?? [];
    const list = [...this.kept.values()]
      .filter((d) => d.timestamp >= fromTimestamp && (authors.length === 0 || authors.includes(d.author)))
      .sort((a, b) => a.timestamp - b.timestamp);
    conn.say('sync_start', { totalDeltas: list.length, batchSize: 100 });
    for (let at = 0; at < list.length; at += 100) {
      conn.say('sync_batch', {
        deltas: list.slice(at, at + 100), batchNumber: at / 100, isLastBatch: at + 100 >= list.length,
      });
    }
    conn.say('sync_complete', { deltasProcessed: list.length });
  }

  /** The newest connection, once there are `count`. */
  async conn(count = 1) {
    const end = Date.now() + LIMIT_MS;
    while (this.conns.length < count) {
      if (Date.now() > end) throw new Error(`${this.conns.length} connections came, not ${count}`);
      await new Promise((done) => { setTimeout(done, 5); });
    }
    return this.conns[this.conns.length - 1];
  }

  async stop() {
    for (const { socket } of this.conns) socket.terminate();
    await new Promise((done) => { this.wss.close(done); });
  }
}
