// libp2p 3 uses Promise.withResolvers, which Node has since version 22.
if (Promise.withResolvers === undefined) {
  Promise.withResolvers = function () {
    let resolve, reject;
    const promise = new this((a, b) => { resolve = a; reject = b; });
    return { promise, resolve, reject };
  };
}
