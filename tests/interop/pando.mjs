// A pando node as the suite sees it: a process, and its HTTP API on loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

function freeTcpPort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function freeUdpPort() {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

/** How many times as long as named a busy machine may take before that is a failure. */
export const PATIENCE = Number(process.env.PATIENCE ?? 4);

/** Call `probe` until it yields something true; its last failure is told on timeout. */
export async function until(what, seconds, probe) {
  seconds *= PATIENCE;
  const end = Date.now() + seconds * 1000;
  let last = 'it never held';
  while (Date.now() < end) {
    try {
      const value = await probe();
      if (value) return value;
    } catch (error) {
      last = error.message;
    }
    await sleep(100);
  }
  throw new Error(`${what}: not within ${seconds} s (${last})`);
}

export class Pando {
  constructor(binary) {
    this.binary = binary;
    this.log = '';
    this.exit = null;
  }

  async start(name, ...more) {
    this.data = mkdtempSync(join(tmpdir(), 'pando-interop-'));
    this.port = await freeUdpPort();
    this.http = await freeTcpPort();
    this.args = ['node', '--port', String(this.port), '--http-port', String(this.http),
      '--data', join(this.data, 'node'), '--name', name, '--json', ...more,
      ...(process.env.PANDO_INTEROP_ARGS ?? '').split(' ').filter((s) => s !== '')];
    await this.again();
  }

  /** Start it as it was started, when the one before has ended. */
  async again() {
    const { child } = this;
    if (child && child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    this.exit = null;
    this.child = spawn(this.binary, this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (bytes) => { this.log = (this.log + bytes).slice(-20000); });
    }
    this.child.on('error', (error) => { this.exit = error.message; });
    this.child.on('exit', (code, signal) => { this.exit = `exit ${code ?? signal}`; });
    this.status = await until('the node answers /api/status', 15, () => {
      if (this.exit !== null) throw new Error(`the node ended: ${this.exit}`);
      return this.get('status');
    });
    this.id = this.status.peer_id;
    this.address = `/ip4/127.0.0.1/udp/${this.port}/quic-v1`;
  }

  async answer(response, what) {
    const text = await response.text();
    if (!response.ok) throw new Error(`${what}: HTTP ${response.status} ${text.trim()}`);
    return text === '' ? {} : JSON.parse(text);
  }

  async get(verb, query = {}) {
    const url = `http://127.0.0.1:${this.http}/api/${verb}?${new URLSearchParams(query)}`;
    return this.answer(await fetch(url), verb);
  }

  async post(verb, body = {}) {
    const response = await fetch(`http://127.0.0.1:${this.http}/api/${verb}`, {
      method: 'POST', headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return this.answer(response, verb);
  }

  async peer(id) {
    const { peers } = await this.get('peers');
    return peers.find((p) => p.peer_id === String(id));
  }

  async linked(id) {
    return until(`pando is linked to ${id}`, 15, async () => {
      const peer = await this.peer(id);
      return peer !== undefined && peer.state === 'linked' ? peer : false;
    });
  }

  async messages(topic) {
    return (await this.get('pubsub.messages', { topic, since: '0' })).messages;
  }

  async stop() {
    if (this.child !== undefined && this.exit === null) {
      const gone = new Promise((resolve) => { this.child.once('exit', resolve); });
      this.child.kill('SIGTERM');
      const late = setTimeout(() => this.child.kill('SIGKILL'), 5000 * PATIENCE);
      await gone;
      clearTimeout(late);
    }
    if (this.data !== undefined) rmSync(this.data, { recursive: true, force: true });
  }
}
