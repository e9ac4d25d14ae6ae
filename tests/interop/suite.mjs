// Pando against js-libp2p over QUIC: node A is dialled by pando, node B dials pando, and
// A and B know of each other only what goes through pando. Usage: suite.mjs PANDO_BINARY
import { quic } from '@chainsafe/libp2p-quic';
import { gossipsub } from '@libp2p/gossipsub';
import { identify, identifyPush } from '@libp2p/identify';
import { ping } from '@libp2p/ping';
import { multiaddr } from '@multiformats/multiaddr';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLibp2p } from 'libp2p';
import { check, end, fail } from './check.mjs';
import { PATIENCE, Pando, until } from './pando.mjs';

const TOPIC = 'interop/strict-sign';
const MESSAGES = 100;
const LIFE_SECONDS = Number(process.env.PANDO_INTEROP_LIFE ?? 60);

/** A js node with the connection monitor on, as it is by default. */
async function jsNode() {
  const node = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/udp/0/quic-v1'] },
    transports: [quic()],
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      pubsub: gossipsub({ emitSelf: false, globalSignaturePolicy: 'StrictSign' }),
    },
  });
  const seen = { node, identified: new Map(), closed: [], got: [] };
  node.addEventListener('peer:identify', (event) => {
    seen.identified.set(event.detail.peerId.toString(), event.detail);
  });
  node.addEventListener('connection:close', (event) => {
    seen.closed.push(event.detail.remotePeer.toString());
  });
  node.services.pubsub.addEventListener('message', (event) => {
    if (event.detail.topic === TOPIC) {
      seen.got.push({ type: event.detail.type, from: event.detail.from?.toString(),
        data: new TextDecoder().decode(event.detail.data) });
    }
  });
  seen.id = node.peerId.toString();
  seen.address = node.getMultiaddrs().map(String).find((a) => a.includes('/quic-v1'));
  return seen;
}

function numbered(prefix) {
  return Array.from({ length: MESSAGES }, (_, i) => `${prefix} ${i}`);
}

/** Exactly these texts, each once, all by `author`. */
function assertAll(got, author, texts) {
  const mine = got.filter((m) => m.from === author).map((m) => m.data).sort();
  assert.deepEqual(mine, [...texts].sort());
}

async function connecting(pando, a, b) {
  await check('pando dials js', async () => {
    await pando.post('peer.add', { address: a.address });
    await pando.linked(a.id);
    await until('js has the connection', 10, () => a.node.getConnections().length === 1);
  });
  await check('js dials pando', async () => {
    await b.node.dial(multiaddr(`${pando.address}/p2p/${pando.id}`));
    await pando.linked(b.id);
  });
}

async function identifying(pando, a, b) {
  for (const [name, js] of [['dialled by pando', a], ['dialling pando', b]]) {
    await check(`identify: what pando says reaches js, ${name}`, async () => {
      const info = await until('peer:identify', 10, () => js.identified.get(pando.id));
      assert.match(info.agentVersion, /^pando\//);
      for (const protocol of ['/ipfs/id/1.0.0', '/ipfs/id/push/1.0.0', '/ipfs/ping/1.0.0',
        '/meshsub/1.1.0']) {
        assert.ok(info.protocols.includes(protocol), `${protocol} is not listed`);
      }
      const said = info.listenAddrs.map(String).sort();
      const own = (await pando.get('status')).listen
        .map((text) => text.replace(/\/p2p\/[^/]+$/, '')).sort();
      assert.ok(said.length > 0, 'no listen address was said');
      for (const address of said) {
        assert.ok(own.includes(address.replace(/\/p2p\/[^/]+$/, '')),
          `${address} is none of ${own.join(' ')}`);
      }
      assert.ok(info.observedAddr === undefined ||
        String(info.observedAddr).startsWith('/ip4/127.0.0.1/udp/'), String(info.observedAddr));
    });
    await check(`identify: what js says reaches pando, ${name}`, async () => {
      const peer = await until('agent', 10, async () => {
        const p = await pando.peer(js.id);
        return p?.agent ? p : false;
      });
      assert.match(peer.agent, /^js-libp2p\//);
      assert.equal(peer.foreign ?? false, false);
    });
  }
}

async function pinging(pando, a, b) {
  for (const [name, js] of [['dialled by pando', a], ['dialling pando', b]]) {
    await check(`ping: js to pando, ${name}`, async () => {
      for (let i = 0; i < 5; i++) {
        const rtt = await js.node.services.ping.ping(
          js.node.getConnections().find((c) => c.remotePeer.toString() === pando.id).remotePeer);
        assert.ok(rtt >= 0, `${rtt} ms`);
      }
    });
    await check(`ping: pando to js, ${name}`, async () => {
      for (let i = 0; i < 3; i++) {
        const { rtt_us: rtt } = await pando.post('peer.ping', { peer: js.id });
        assert.ok(rtt > 0, `${rtt} us`);
      }
    });
  }
}

async function wrongIds(pando) {
  const stranger = await jsNode(), other = await jsNode();
  await other.node.stop();
  await check('js refuses pando under another peer id', async () => {
    await assert.rejects(
      stranger.node.dial(multiaddr(`${pando.address}/p2p/${other.id}`), {
        signal: AbortSignal.timeout(10000 * PATIENCE) }));
    assert.equal(stranger.node.getConnections().length, 0);
  });
  await check('pando refuses js under another peer id', async () => {
    const address = stranger.address.replace(stranger.id, other.id);
    assert.ok(address.includes(other.id));
    await pando.post('peer.add', { address });
    await until('the refusal is told', 15, async () => {
      const entry = await pando.peer(other.id);
      return entry !== undefined && entry.state !== 'linked' && /identity/.test(entry.reason);
    });
    assert.equal((await pando.peer(stranger.id))?.state === 'linked', false);
    await pando.post('peer.rm', { peer: other.id });
  });
  await stranger.node.stop();
}

async function gossiping(pando, a, b) {
  await check('gossip: all three see each other subscribe', async () => {
    await pando.post('pubsub.subscribe', { topic: TOPIC });
    for (const js of [a, b]) js.node.services.pubsub.subscribe(TOPIC);
    for (const js of [a, b]) {
      await until('js sees pando in the mesh', 15, () =>
        js.node.services.pubsub.getMeshPeers(TOPIC).map(String).includes(pando.id));
    }
  });
  await check(`gossip: ${MESSAGES} messages from pando, signed, to both js nodes`, async () => {
    for (const data of numbered('pando')) {
      await pando.post('pubsub.publish', { topic: TOPIC, data });
    }
    for (const js of [a, b]) {
      await until('all have come', 10, () =>
        js.got.filter((m) => m.from === pando.id).length >= MESSAGES);
      assertAll(js.got, pando.id, numbered('pando'));
      assert.ok(js.got.every((m) => m.type === 'signed'), 'an unsigned message came');
    }
  });
  for (const [name, from, to] of [['A', a, b], ['B', b, a]]) {
    const texts = numbered(`js ${name}`);
    await check(`gossip: ${MESSAGES} messages from js ${name} to pando and through it`, async () => {
      for (const text of texts) {
        await from.node.services.pubsub.publish(TOPIC, new TextEncoder().encode(text));
      }
      const got = await until('pando has all', 10, async () => {
        const messages = await pando.messages(TOPIC);
        return messages.filter((m) => m.from === from.id).length >= MESSAGES ? messages : false;
      });
      assertAll(got, from.id, texts);
      await until('the other js node has all', 10, () =>
        to.got.filter((m) => m.from === from.id).length >= MESSAGES);
      assertAll(to.got, from.id, texts);
    });
  }
}

async function living(pando, a, b) {
  await check(`life: ${LIFE_SECONDS} s with js's connection monitor, none is closed`, async () => {
    a.closed.length = b.closed.length = 0;
    await sleep(LIFE_SECONDS * 1000);
    assert.deepEqual(a.closed, [], 'the connection that pando dialled was closed');
    assert.deepEqual(b.closed, [], 'the connection that js dialled was closed');
    for (const js of [a, b]) assert.equal((await pando.peer(js.id))?.state, 'linked');
  });
  await check('life: gossip still flows afterwards', async () => {
    await pando.post('pubsub.publish', { topic: TOPIC, data: 'still here' });
    for (const js of [a, b]) {
      await until('it came', 10, () => js.got.some((m) => m.data === 'still here'));
    }
  });
}

const pando = new Pando(process.argv[2]);
const nodes = [];
try {
  await pando.start('interop');
  nodes.push(await jsNode(), await jsNode());
  const [a, b] = nodes;
  await connecting(pando, a, b);
  await identifying(pando, a, b);
  await pinging(pando, a, b);
  await wrongIds(pando);
  await gossiping(pando, a, b);
  await living(pando, a, b);
} catch (error) {
  fail('the suite itself', error);
} finally {
  for (const js of nodes) await js.node.stop();
  await pando.stop();
}
end(pando.log);
