'use strict';
// SwitchTracerProvider: lets rows of pythia_control switch the spans of OpenTelemetry in Node.
//
//   const inner = new NodeTracerProvider({ ... });
//   const provider = new SwitchTracerProvider(inner, { service: 'shop' });
//   trace.setGlobalTracerProvider(provider);              // or SwitchTracerProvider.install({ ... }) after sdk.start()
//
// It stands in front of a TracerProvider. The trace point of a span is SERVICE/NAME, by the name that the span starts
// with. One that is off gives a stand-in that carries the context of its parent on, so that its children become
// children of the nearest span that is on and traces stay whole. What begins a trace, and every span of kind SERVER,
// is always on.
//
// Node cannot map memory: the helper program pythia-names claims the slots in the control page, and the slots are read
// from the file every 50 ms, so that asking whether a span is on is a bit test. A new name takes the helper a moment;
// until then it is as `defaultOn` says.

const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');

const ALWAYS_ON = 1, DEFAULT_ON = 2; // as in pythia_probe.h
const SERVER = 1; // SpanKind
const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'); // of the exporters' own requests
const TYPE = Symbol('request type'); // property of a span: {number}
const MEMBER = 'pythia.type'; // of the baggage
const NO_TYPE = { number: 0, name: '' };

function findHelper() {
  const built = path.join(__dirname, '..', 'build', 'pythia-names');
  return process.env.PYTHIA_NAMES || (fs.existsSync(built) ? built : 'pythia-names');
}

// The control page, as far as a reader needs it: which trace point has which slot, and the slots.
class ControlPage {
  constructor({ service, page, helper, defaultOn, intervalMs = 50, onProblem = problem => console.error(problem) }) {
    this.service = service;
    this.flags = (defaultOn ?? process.env.PYTHIA_DEFAULT === 'on') ? DEFAULT_ON : 0;
    this.onProblem = onProblem;
    this.points = new Map(); // name -> {at, flags, hits, slot}; at: index of its mask in words, -1: none
    this.types = new Map(); // name -> {number, name}
    this.words = new Uint32Array(0); // the slots, 16 words each
    this.waiting = 0; // for answers of the helper
    this.fd = -1;
    this.helper = null; // the process
    this.program = helper ?? findHelper();
    this.file = page;
    this.start();
    this.timer = setInterval(() => { this.follow(); this.read(); this.count(); }, intervalMs).unref();
  }

  start() {
    const { program, service, file } = this;
    const helper = spawn(program, file ? [service, file] : [service], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.helper = helper;
    helper.on('error', error => this.fail(helper, `${program}: ${error.message}`));
    helper.on('exit', (code, signal) => this.fail(helper, `${program} ended (${signal ?? code})`));
    helper.stdin.on('error', () => {}); // it has ended: said above
    let rest = '';
    helper.stdout.setEncoding('utf8').on('data', text => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      if (helper === this.helper) lines.forEach(line => this.hear(line));
    });
    for (const handle of [helper, helper.stdin, helper.stdout]) handle.unref(); // keep no process alive
  }

  // From now on every trace point is as by default.
  fail(helper, problem) {
    if (this.closed || helper !== this.helper) return;
    this.close();
    this.onProblem(`Pythia does not switch spans: ${problem}`);
  }

  hear(line) {
    if (line.startsWith('page ')) return this.open(line.slice(5));
    const [, what, number, name] = /^(point|type|from) (-?\d+) (.*)$/s.exec(line) ?? [];
    if (!what) return;
    this.waiting--;
    if (what !== 'point') {
      this.types.get(what === 'type' ? `${this.service}/${name}` : name).number = +number;
    } else if (+number >= 0) {
      const point = this.points.get(name);
      point.slot = +number;
      this.read(); // before its bits are looked at
      if (point.slot * 16 < this.words.length) point.at = point.slot * 16;
    }
  }

  open(file) {
    const header = Buffer.alloc(256);
    this.fd = fs.openSync(file, 'r');
    fs.readSync(this.fd, header, 0, 256, 0);
    const number = at => new Uint32Array(header.buffer, header.byteOffset, 64)[at / 4]; // native byte order, as the page
    if (header.toString('latin1', 0, 8) !== 'PYTHIAPG' || number(8) !== 2) return this.fail(this.helper, `${file} is not a page of version 2`);
    this.slotsAt = number(24);
    this.words = new Uint32Array(number(28) * 16);
    this.read();
  }

  // Where the page was removed a new one is made, and everything is claimed again.
  follow() {
    if (this.fd < 0 || fs.fstatSync(this.fd).nlink) return;
    fs.closeSync(this.fd);
    this.fd = -1;
    this.waiting = 0;
    this.helper.stdin.end();
    this.start();
    for (const [name, point] of this.points) {
      point.at = point.slot = -1;
      this.ask(`point ${point.flags} ${name}`);
    }
    for (const type of this.types.values()) this.ask(`from ${type.name}`);
  }

  read() {
    if (this.fd >= 0) fs.readSync(this.fd, this.words, 0, this.words.byteLength, this.slotsAt);
  }

  // Tells the helper how often trace points were passed while on.
  count() {
    let lines = '';
    for (const point of this.points.values()) {
      if (!point.hits || point.slot < 0) continue;
      lines += `hits ${point.slot} ${point.hits}\n`;
      point.hits = 0;
    }
    if (lines && !this.closed) this.helper.stdin.write(lines);
  }

  ask(line) {
    if (this.closed || /[\n\0]/.test(line)) return; // no name of a trace point
    this.waiting++;
    this.helper.stdin.write(line + '\n');
  }

  point(name, flags) {
    let point = this.points.get(name);
    if (point) return point;
    point = { at: -1, slot: -1, flags: flags | this.flags, hits: 0 };
    this.points.set(name, point);
    this.ask(`point ${point.flags} ${name}`);
    return point;
  }

  // The request type of that full name; one that begins here is asked for by the name of its trace point.
  type(name, own) {
    let type = this.types.get(name);
    if (type) return type;
    type = { number: 0, name };
    this.types.set(name, type);
    this.ask(own === undefined ? `from ${name}` : `type ${own}`);
    return type;
  }

  isOn(point, type) {
    if (point.at < 0) return point.flags !== 0;
    return (this.words[point.at + (type.number >>> 5)] >>> (type.number & 31) & 1) === 1;
  }

  // Resolves when all names that were met so far have their slots.
  async ready() {
    while (!this.closed && (this.waiting || this.fd < 0)) await new Promise(done => setTimeout(done, 5));
    if (!this.closed) this.read();
  }

  close() {
    this.closed = true;
    clearInterval(this.timer);
    this.helper.stdin.end();
    if (this.fd >= 0) fs.closeSync(this.fd);
    this.fd = -1;
    for (const point of this.points.values()) point.at = -1;
  }
}

class SwitchTracer {
  constructor(provider, inner) {
    this.provider = provider;
    this.inner = inner;
  }

  startSpan(name, options, context = this.provider.api.context.active()) {
    const { api, page } = this.provider;
    if (context.getValue(SUPPRESSED) === true) return this.inner.startSpan(name, options, context);
    const parent = options?.root ? undefined : api.trace.getSpan(context);
    const parentContext = parent?.spanContext();
    const isRoot = !parentContext || !api.isSpanContextValid(parentContext);
    const type = isRoot ? page.type(`${page.service}/${name}`, name) : parent[TYPE] ?? this.provider.typeOf(context);
    const always = isRoot || options?.kind === SERVER;
    const point = page.point(name, always ? ALWAYS_ON : 0);
    let span;
    if (always || page.isOn(point, type)) {
      point.hits++;
      span = this.inner.startSpan(name, options, context);
    } else {
      span = api.trace.wrapSpanContext(parentContext); // not the parent itself, which its end() would end
    }
    span[TYPE] = type;
    return span;
  }

  startActiveSpan(name, ...rest) {
    const { context: contexts, trace } = this.provider.api;
    const work = rest.pop();
    const [options, context = contexts.active()] = rest;
    const span = this.startSpan(name, options, context);
    return contexts.with(trace.setSpan(context, span), work, undefined, span);
  }
}

class SwitchTracerProvider {
  // options: service (else that of the inner provider's resource, OTEL_SERVICE_NAME or the page's default), page
  // (path), helper (path of pythia-names), defaultOn, intervalMs, onProblem, api (the module @opentelemetry/api).
  constructor(inner, options = {}) {
    this.inner = inner;
    this.api = options.api ?? require(require.resolve('@opentelemetry/api', { paths: [process.cwd(), __dirname] }));
    const service = options.service ?? (inner.resource ?? inner._resource)?.attributes?.['service.name'] ??
      process.env.OTEL_SERVICE_NAME ?? 'node';
    this.page = new ControlPage({ ...options, service });
  }

  // In front of the provider that is registered already.
  static install(options = {}) {
    const api = options.api ?? require(require.resolve('@opentelemetry/api', { paths: [process.cwd(), __dirname] }));
    const global = api.trace.getTracerProvider();
    const provider = new SwitchTracerProvider(global.getDelegate(), { ...options, api });
    global.setDelegate(provider);
    return provider;
  }

  getTracer(name, version, options) {
    return new SwitchTracer(this, this.inner.getTracer(name, version, options));
  }

  // The request type that came with a request, in its baggage.
  typeOf(context) {
    const name = this.api.propagation.getBaggage(context)?.getEntry(MEMBER)?.value;
    return name ? this.page.type(name) : NO_TYPE;
  }

  // A propagator that sends the request type along, in front of one that sends baggage.
  propagator(inner) {
    const { propagation, trace } = this.api;
    const withType = context => {
      const name = trace.getSpan(context)?.[TYPE]?.name;
      if (!name) return context;
      const baggage = propagation.getBaggage(context) ?? propagation.createBaggage();
      return propagation.setBaggage(context, baggage.setEntry(MEMBER, { value: name }));
    };
    return {
      inject: (context, carrier, setter) => inner.inject(withType(context), carrier, setter),
      extract: (context, carrier, getter) => inner.extract(context, carrier, getter),
      fields: () => inner.fields(),
    };
  }

  forceFlush() {
    return this.inner.forceFlush();
  }

  shutdown() {
    this.page.count();
    this.page.close();
    return this.inner.shutdown();
  }
}

module.exports = { SwitchTracerProvider, ControlPage };
